import { RheiError, serviceNames, type runtime } from '@rhei/contracts';
import { formatInstant } from '@rhei/expressions';
import { Command } from 'commander';
import type { Context } from '../context';
import { explained } from '../help';
import { minuteOrNone } from '../minute';
import type { Platform } from '../platform';
import { table, wrapped } from '../table';

type Clock = 'system' | 'virtual' | 'unknown';

export function statusCommand(context: Context): Command {
  return explained(new Command('status'), {
    purpose: 'Shows how the six services stand: ready, what waits, and what needs a person. Exit code 7 when one is not ready.',
    examples: ['rhei status', 'rhei status --json'],
  }).action(() => status(context));
}

async function status(context: Context): Promise<void> {
  const { platform } = context;
  const [clock, services] = await Promise.all([clockOf(platform), statusOfAll(platform)]);
  const ready = services.every((service) => service.ready);
  context.result({ ready, clock, services: services.map(asJson) }, () => text(context, clock, services));
  if (!ready) context.exitCode = 7;
}

/** One service that does not answer is part of the picture; a platform that is not there is not. */
export async function statusOfAll(platform: Platform): Promise<runtime.GetStatusResponse[]> {
  const answers = await Promise.allSettled(serviceNames.map((service) => platform.ask(platform.operations, platform.operations.getStatus, { service })));
  const unreachable = answers.filter((answer) => answer.status === 'rejected' && answer.reason instanceof RheiError && answer.reason.details.reason === 'UNREACHABLE');
  return answers.map((answer, index) => {
    if (answer.status === 'fulfilled') return answer.value;
    const error = answer.reason as unknown;
    if (!(error instanceof RheiError) || !['unavailable', 'deadline_exceeded', 'internal', 'not_found'].includes(error.code) || unreachable.length === answers.length) throw error;
    return { ...silent, service: serviceNames[index], notReadyBecause: error.message };
  });
}

const silent: runtime.GetStatusResponse = { service: '', ready: false, notReadyBecause: '', time: 0, unsent: 0, lag: 0, parked: [], deadLetters: [], figures: {} };

/** The door that moves a virtual clock is there only where the clock is virtual. */
async function clockOf(platform: Platform): Promise<Clock> {
  try {
    await platform.ask(platform.control, platform.control.getProgress, { service: serviceNames[0] }, 1);
    return 'virtual';
  } catch (error) {
    if (!(error instanceof RheiError)) throw error;
    if (error.code === 'not_found') return 'system';
    // It waits a moment for quiet, and asks for the role admin: both answers say that it is there.
    return ['forbidden', 'deadline_exceeded'].includes(error.code) ? 'virtual' : 'unknown';
  }
}

const asJson = ({ service, ready, notReadyBecause, time, lag, unsent, parked, deadLetters, figures }: runtime.GetStatusResponse) => ({
  service, ready, notReadyBecause, time: time === 0 ? null : formatInstant(time), lag, unsent, quarantined: figures.quarantined ?? 0, parked,
  deadLetters: deadLetters.map((letter) => ({ ...letter, failedAt: formatInstant(letter.failedAt) })), figures,
});

function text(context: Context, clock: Clock, services: runtime.GetStatusResponse[]): string {
  const { paint, width } = context;
  const times = services.map(({ time }) => time).filter((time) => time > 0);
  const rows = services.map(({ service, ready, time, lag, unsent, parked, deadLetters, figures }) => [
    service, ready ? paint('green', 'yes') : paint('red', 'no'), minuteOrNone(time), String(lag), String(unsent),
    figures.quarantined === undefined ? '-' : String(figures.quarantined), String(parked.length), String(deadLetters.length),
  ]);
  const right = (head: string) => ({ head, right: true });
  const figures = services.filter((service) => Object.keys(service.figures).length > 0)
    .map((service) => `${service.service}: ${Object.entries(service.figures).sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, value]) => `${name} ${value}`).join(', ')}`);
  const detail = (head: string, lines: string[]): string => (lines.length === 0 ? '' : `\n${paint('bold', head)}\n${lines.map((line) => wrapped('  ', line, '    ', width)).join('')}`);
  return [
    `${clockWords[clock]}${times.length === 0 ? '' : `, ${formatInstant(Math.max(...times))}`}\n\n`,
    table([{ head: 'SERVICE' }, { head: 'READY' }, { head: 'TIME' }, right('LAG'), right('UNSENT'), right('QUARANTINED'), right('PARKED'), right('DEAD')], rows, width),
    detail('Not ready', services.filter(({ ready }) => !ready).map(({ service, notReadyBecause }) => `${service}: ${notReadyBecause || 'it does not say why'}`)),
    detail('Figures', figures),
    detail('Parked keys: what follows a dead letter of the same key waits', services.flatMap(({ service, parked }) => parked.map(({ subscription, key, waiting }) => `${service}: ${subscription}, key ${key}, ${waiting} waiting`))),
    detail('Dead letters', services.flatMap(({ service, deadLetters }) => deadLetters.map((letter) =>
      `${service}: ${letter.id}, ${letter.eventType} ${letter.eventId} of key ${letter.key} for ${letter.subscription} (${letter.topic} ${letter.partition}@${letter.position}): ${letter.reason}`))),
  ].join('');
}

const clockWords: Record<Clock, string> = { system: 'System clock', virtual: 'Virtual clock (it moves only in a story)', unknown: 'Clock of unknown kind' };
