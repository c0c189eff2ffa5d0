import { RheiError, type monitoring } from '@rhei/contracts';
import { formatInstant, parseDay, parseInstant } from '@rhei/expressions';
import { Command } from 'commander';
import type { Context } from '../context';
import { effectOf, monitorNamed, pValueOf, testName } from '../drift-text';
import { explained } from '../help';
import { nearest } from '../nearest';
import { valueBy } from '../option-values';
import { pairs, table, wrapped } from '../table';

export function alarmsCommand(context: Context): Command {
  const group = explained(new Command('alarms'), { purpose: 'Shows what has changed beyond noise, and what was done about it.', examples: ['rhei alarms list', 'rhei alarms show churn/2001-03-05/outcome'] });
  group.addCommand(explained(new Command('list'), { purpose: 'Lists alarms, oldest first.', examples: ['rhei alarms list', 'rhei alarms list --monitor churn --since 2001-03-01'] })
    .option('--monitor <monitor>', 'only alarms of this monitor')
    .option('--since <day>', 'only of windows that closed on this day or later: 2001-03-01, or an instant', instant)
    .action((options: { monitor?: string; since?: number }) => list(context, options)));
  group.addCommand(explained(new Command('show'), { purpose: 'Shows one alarm, or those of one window.', examples: ['rhei alarms show churn/2001-03-05/outcome', 'rhei alarms show churn/2001-03-05'] })
    .argument('<id>', 'MONITOR/START/TEST, as the list names it; without the test, all of the window')
    .action((id: string) => show(context, id)));
  return group;
}

const instant = valueBy((text) => (text.includes('T') ? parseInstant(text) : parseDay(text)));

/** A window that begins with a day is named by the day. */
const shortId = ({ id, monitor, windowFrom, test }: monitoring.Alarm): string => (test === undefined ? id : `${monitor}/${formatInstant(windowFrom).replace('T00:00:00Z', '')}/${testName(test)}`);

async function list(context: Context, { monitor, since }: { monitor?: string; since?: number }): Promise<void> {
  const { platform } = context;
  if (monitor !== undefined) await monitorNamed(platform, monitor);
  const { alarms } = await platform.ask(platform.monitoring, platform.monitoring.listAlarms, { monitor: monitor ?? '', since: since ?? 0 });
  context.result(alarms.map(asJson), () => (alarms.length === 0 ? '' : table(
    [{ head: 'ALARM' }, { head: 'CHANGE', right: true }, { head: 'P', right: true }, { head: 'RETRAINING' }, { head: 'REASON', cut: true }],
    alarms.map((alarm) => [shortId(alarm), effectOf(alarm.test!), pValueOf(alarm.test!), alarm.retraining, alarm.reason]), context.width,
  )));
  context.suggest(alarms.length === 0 ? 'Nothing has alarmed.' : `Look at one: rhei alarms show ${shortId(alarms[0])}`);
}

async function show(context: Context, id: string): Promise<void> {
  const { platform } = context;
  const { alarms } = await platform.ask(platform.monitoring, platform.monitoring.listAlarms, { monitor: '', since: 0 });
  const found = alarms.filter((alarm) => [alarm.id, shortId(alarm)].some((name) => name === id || name.startsWith(`${id}/`)));
  if (found.length === 0) {
    const names = alarms.map(shortId);
    const meant = nearest(id, names);
    throw new RheiError('not_found', `There is no alarm "${id}".`, {
      field: 'id', expected: names.length === 0 ? 'an alarm, of which there is none' : `MONITOR/START/TEST, such as ${names[names.length - 1]}`, got: id,
      hint: meant === undefined ? '"rhei alarms list" lists them' : `did you mean ${meant}?`,
    });
  }
  context.result(found.map(asJson), () => found.map((alarm) => described(alarm, context.width)).join('\n'));
  context.suggest(`The whole chain: rhei why alarm ${found[0].id}`);
}

function described(alarm: monitoring.Alarm, width: number): string {
  const test = alarm.test!;
  const reference = test.reference === 'moving' ? 'the last quiet windows' : test.name === 'loss' ? `the first days of version ${alarm.referenceVersion}` : `the reference of version ${alarm.referenceVersion}`;
  return pairs([
    ['alarm', shortId(alarm)], ['window', `${formatInstant(alarm.windowFrom)} to ${formatInstant(alarm.windowTo)}, decided ${formatInstant(alarm.decidedAt)}`],
    ['differs', `${effectOf(test)} over ${test.rows} rows${test.slice === '' ? '' : ` where ${test.slice}`}`], ['from', reference],
    ['p-value', pValueOf(test)], ['effect', `${test.effect.toFixed(4)} (${test.measure}); the floor is ${test.floor}`],
  ], width) + wrapped(`retraining ${alarm.retraining}: `, alarm.reason, '  ', width);
}

const asJson = ({ windowFrom, windowTo, decidedAt, ...alarm }: monitoring.Alarm) => ({ ...alarm, windowFrom: formatInstant(windowFrom), windowTo: formatInstant(windowTo), decidedAt: formatInstant(decidedAt) });
