import type { runtime } from '@rhei/contracts';
import { minuteOrNone } from './minute';
import type { Paint } from './paint';
import { cutTo, table, type Column } from './table';

export interface TopDeployment { name: string; live: number; stage: string; candidate: number; share: number; answered: number; /** Answers a second since the frame before; absent in the first. */ rate?: number }
export interface TopMonitor { name: string; windows: number; alarms: number; nextWindowCloses: number }
export interface TopRun { id: string; plan: string; state: string; progress: number; asOf: number }
/** What one frame shows. A list that nobody answered for is absent. */
export interface TopFacts {
  services: runtime.GetStatusResponse[];
  deployments?: TopDeployment[];
  monitors?: TopMonitor[];
  /** Waiting and running. */
  runs?: TopRun[];
  /** What did not answer. */
  silent: string[];
}

const right = (head: string): Column => ({ head, right: true });

/** One screen as lines, none of them wider than `width`. */
export function frameOf(facts: TopFacts, { address, width, paint }: { address: string; width: number; paint: Paint }): string[] {
  const { services, deployments, monitors, runs, silent } = facts;
  const time = Math.max(0, ...services.map((service) => service.time));
  const parts: [columns: Column[], rows: string[][] | undefined, none: string][] = [
    [[{ head: 'SERVICE' }, { head: 'READY' }, right('LAG'), right('OUTBOX'), right('PARKED'), right('DEAD'), { head: 'WHY NOT', cut: true }],
      services.map((one) => [one.service, one.ready ? paint('green', 'yes') : paint('red', 'no'), count(one.lag), count(one.unsent), alarming(one.parked.length, paint), alarming(one.deadLetters.length, paint), one.notReadyBecause]), ''],
    [[{ head: 'DEPLOYMENT' }, right('LIVE'), { head: 'STAGE' }, right('CANDIDATE'), right('SHARE'), right('PER SECOND'), right('ANSWERED')],
      deployments?.map((one) => [one.name, one.live === 0 ? 'none' : String(one.live), one.stage || '-', one.candidate === 0 ? '-' : String(one.candidate), one.candidate === 0 ? '-' : `${(100 * one.share).toFixed(0)} %`, one.rate === undefined ? '-' : one.rate.toFixed(1), count(one.answered)]), 'No deployment is applied.'],
    [[{ head: 'MONITOR' }, right('WINDOWS'), right('ALARMS'), { head: 'NEXT WINDOW CLOSES' }],
      monitors?.map((one) => [one.name, count(one.windows), alarming(one.alarms, paint), minuteOrNone(one.nextWindowCloses)]), 'No monitor is applied.'],
    [[{ head: 'OPEN RUN' }, { head: 'PLAN', cut: true }, { head: 'STATE' }, right('DONE'), { head: 'AS OF' }],
      runs?.map((one) => [one.id, one.plan, one.state, one.state === 'running' ? `${(100 * one.progress).toFixed(0)} %` : '-', minuteOrNone(one.asOf)]), 'No run is open.'],
  ];
  return [
    `${paint('bold', 'rhei top')}  ${address}  ${minuteOrNone(time)}`,
    ...parts.flatMap(([columns, rows, none]) => (rows === undefined ? [] : ['', ...(rows.length === 0 ? [none] : linesOf(table(columns, rows, width)))])),
    ...(silent.length === 0 ? [] : ['', ...silent.map((one) => paint('red', one))]),
  ].map((line) => cutTo(line, width));
}

const linesOf = (text: string): string[] => text.trimEnd().split('\n');
const count = (value: number): string => String(value);
const alarming = (value: number, paint: Paint): string => (value === 0 ? '0' : paint('yellow', String(value)));
