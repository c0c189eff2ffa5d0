import { formatInstant } from '@rhei/expressions';
import { minuteIn } from '../minute';
import { signed, signedRange } from '../signed';
import { ask, type Doors } from './doors';
import type { Plan, Step } from './plan';
import type { Settled } from './settle';
import type { Report } from './report';

/** Shows how far a story is: one line that is rewritten on a terminal, a line for each virtual week elsewhere. */
export class Display {
  private readonly started = performance.now();
  private sent = 0;
  private version = 'no version yet';
  private loss = '';
  private quarantine = '';
  private rolledBack = '';
  private week = -1;

  constructor(private readonly doors: Doors, private readonly plan: Plan, private readonly out: NodeJS.WriteStream) {}

  async stepped(step: Step, index: number, settled: Settled): Promise<void> {
    this.sent += step.deliveries.length;
    const week = Math.floor((step.to - this.plan.steps[0].from) / 604_800_000_000);
    if (week !== this.week) await this.lookAround();
    const rate = Math.round(this.sent / ((performance.now() - this.started) / 1000));
    const stuck = settled.deadLetters + settled.parked > 0 ? ` · ${settled.deadLetters} dead, ${settled.parked} parked` : '';
    const line = `${formatInstant(step.to).slice(0, 13)}h · step ${index + 1}/${this.plan.steps.length} · ${rate} events/s · lag ${settled.lag} · ${this.version}${this.rolledBack}${this.loss}${this.quarantine}${stuck}`;
    if (this.out.isTTY) this.out.write(`\r\x1b[2K${line}`);
    else if (week !== this.week) this.out.write(`${line}\n`);
    this.week = week;
  }

  private async lookAround(): Promise<void> {
    const { deployments } = await ask(this.doors, this.doors.serving, this.doors.serving.listDeployments, {});
    const live = deployments.filter(({ liveVersion }) => liveVersion > 0);
    if (live.length > 0) this.version = live.map(({ name, liveVersion, stage, candidate, share }) =>
      `${name} v${liveVersion}${candidate > 0 ? ` (v${candidate} ${stage}${stage === 'canary' ? ` ${(100 * share).toFixed(0)} %` : ''})` : ''}`).join(', ');
    const { models } = await ask(this.doors, this.doors.registry, this.doors.registry.listModels, {});
    const versions = (await Promise.all(models.map(({ name }) => ask(this.doors, this.doors.registry, this.doors.registry.listVersions, { model: name })))).flatMap((list) => list.versions);
    const back = versions.filter(({ state }) => state === 'rolled_back').length;
    this.rolledBack = back > 0 ? ` · ${back} rolled back` : '';
    const quarantined = await Promise.all(['', 'open'].map((state) =>
      ask(this.doors, this.doors.ingestion, this.doors.ingestion.listQuarantine, { source: '', type: '', code: '', after: '', limit: 1, state })));
    const [all, open] = quarantined.map(({ total }) => total);
    if (all > 0) this.quarantine = ` · ${all} quarantined${open < all ? `, ${all - open} mended` : ''}`;
    const { monitors } = await ask(this.doors, this.doors.monitoring, this.doors.monitoring.listMonitors, {});
    const rows = (await Promise.all(monitors.map(({ name }) => ask(this.doors, this.doors.monitoring, this.doors.monitoring.getPerformance, { monitor: name })))).flatMap((answer) => answer.rows);
    const labelled = rows.reduce((sum, row) => sum + row.labelled, 0);
    const asked = rows.reduce((sum, row) => sum + row.predictions, 0);
    if (labelled > 0) {
      const loss = rows.reduce((sum, row) => sum + row.logLoss * row.labelled, 0) / labelled;
      this.loss = ` · log loss ${loss.toFixed(4)} · coverage ${((100 * labelled) / asked).toFixed(0)} %`;
    }
  }

  /** Says something in a line of its own. */
  say(text: string): void {
    this.out.write(this.out.isTTY ? `\r\x1b[2K${text}\n` : `${text}\n`);
  }

  end(): void {
    if (this.out.isTTY) this.out.write('\n');
  }
}

/** The closing words of a story: what happened and why, and how each version did on the predictions that it served. */
export function closingWords(report: Report, page?: string): string {
  const { counts, falseAlarms, quarantine } = report;
  const months = [...new Set(report.performance.map(({ month }) => month))].sort();
  const several = new Set(report.performance.map(({ deployment, model }) => `${deployment} ${model}`)).size > 1;
  const nameOf = ({ deployment, model, version }: Report['performance'][number]): string => (several ? `${deployment} ${model} v${version}` : `v${version}`);
  const versions = [...new Set([...report.performance].sort((a, b) => a.version - b.version).map(nameOf))];
  const width = Math.max(8, ...versions.map(({ length }) => length + 2));
  const cell = (version: string, month: string): string => {
    const row = report.performance.find((one) => nameOf(one) === version && one.month === month);
    return (row === undefined || row.labelled === 0 ? '-' : `${row.logLoss.toFixed(4)} (${row.labelled})`).padStart(16);
  };
  return [
    '',
    'What happened, and why',
    ...report.timeline.map(({ asOf, text }) => `  ${minuteIn(asOf)}  ${text}`),
    '',
    'Log loss by version and month, on the predictions that it served (matured labels)',
    `  ${'version'.padEnd(width)}${months.map((month) => month.padStart(16)).join('')}`,
    ...versions.map((version) => `  ${version.padEnd(width)}${months.map((month) => cell(version, month)).join('')}`),
    '',
    report.worth.sentence,
    ...report.judged.map(({ model, version, replaced, verdict, difference, interval: [low, high], rows }) =>
      `  ${model} v${version} in the place of v${replaced}: ${verdict}${rows === 0 ? '' : `, log loss ${signed(difference)} (${signedRange(low, high)}) on ${rows} predictions`}`),
    ...report.rollbacks.map(({ deployment, model, version, to, by, reason, at }) =>
      `  ${minuteIn(at)} ${deployment} went back from ${model} v${version} to ${to === 0 ? 'no version' : `v${to}`}, by ${by}: ${reason}`),
    '',
    `${counts.sent} events sent = ${counts.accepted} accepted + ${counts.duplicates} duplicates + ${counts.quarantined} quarantined (${quarantine.mended} mended, ${quarantine.open} open)`,
    `${counts.predictions} predictions, ${counts.labelled} with a matured label (coverage ${report.coverage === null ? '-' : `${(100 * report.coverage).toFixed(1)} %`})`,
    `${report.windows.tested} windows tested, ${report.windows.alarms} with an alarm${falseAlarms.length === 0 ? '' : ` (chance alone: ${falseAlarms.map(({ monitor, interval: [low, high] }) => `${falseAlarms.length > 1 ? `${monitor} ` : ''}${low} to ${high}`).join(', ')})`}; ${report.retrainings} retraining(s) that a change caused went live; audit ${report.auditVerified ? 'verified' : 'FAILED'}`,
    `${report.seconds.total.toFixed(1)} s (${Object.entries(report.seconds.by).map(([what, seconds]) => `${what} ${seconds.toFixed(1)}`).join(', ')})`,
    ...(page === undefined ? [] : [`The report with its plots: ${page}`]),
    'The clock of this platform stands at the story\'s last instant; going live needs a new data folder.',
    '',
  ].join('\n');
}
