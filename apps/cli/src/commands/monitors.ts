import type { monitoring } from '@rhei/contracts';
import { formatInstant } from '@rhei/expressions';
import { Command } from 'commander';
import type { Context } from '../context';
import { dayOf, effectOf, lossOf, monitorNamed, pValueOf, share, testName } from '../drift-text';
import { explained } from '../help';
import { positive } from '../option-values';
import { pairs, table, wrapped } from '../table';

export function monitorsCommand(context: Context): Command {
  const group = explained(new Command('monitors'), { purpose: 'Shows what is watched, what each window said, and what was decided on it.', examples: ['rhei monitors list', 'rhei monitors show churn'] });
  group.addCommand(explained(new Command('list'), { purpose: 'Lists monitors, their windows and alarms.', examples: ['rhei monitors list', 'rhei monitors list --json'] }).action(() => list(context)));
  group.addCommand(explained(new Command('show'), {
    purpose: 'Shows the windows of a monitor with their tests, figures at the closing and with the labels that count now, decisions to retrain or not, whether promotions helped, and what it cost.',
    examples: ['rhei monitors show churn', 'rhei monitors show churn --last 3', 'rhei monitors show churn --json'],
  }).argument('<monitor>').option('--last <n>', 'only so many windows, the newest', positive, 12)
    .action((name: string, { last }: { last: number }) => show(context, name, last)));
  return group;
}

async function list(context: Context): Promise<void> {
  const { platform } = context;
  const { monitors } = await platform.ask(platform.monitoring, platform.monitoring.listMonitors, {});
  context.result(monitors.map(monitorAsJson), () => (monitors.length === 0 ? '' : table(
    [{ head: 'MONITOR' }, { head: 'DEPLOYMENT', cut: true }, { head: 'WINDOWS', right: true }, { head: 'TESTED', right: true }, { head: 'ALARMS', right: true }, { head: 'RUNS', right: true }, { head: 'NEXT CLOSES' }, { head: 'COST', right: true, cut: true }],
    monitors.map((one) => [one.name, one.deployment, String(one.windows), String(one.tested), String(one.alarms), String(one.retrainingsRequested), one.nextWindowCloses === 0 ? '-' : dayOf(one.nextWindowCloses), costOf(one.cost)]), context.width,
  )));
  context.suggest(monitors.length === 0 ? 'There is no monitor yet. Apply one: rhei apply -f resources/' : `Look at one: rhei monitors show ${monitors[0].name}`);
}

async function show(context: Context, name: string, last: number): Promise<void> {
  const { platform } = context;
  const monitor = await monitorNamed(platform, name);
  const { windows } = await platform.ask(platform.monitoring, platform.monitoring.listWindows, { monitor: name }, 10);
  const { promotions } = await platform.ask(platform.monitoring, platform.monitoring.listPromotions, { monitor: name });
  const shown = windows.slice(-last);
  context.result({ ...monitorAsJson(monitor), windows: shown.map(windowAsJson), promotions: promotions.map(promotionAsJson) }, () => [
    aboutOf(monitor, context.width),
    shown.length === 0 ? '' : `\nWindows: figures at the closing → with the labels that count now\n${windowsTable(shown, context.width)}`,
    testsOf(shown, context.width),
    shown.length === 0 ? '' : `\nRetraining\n${shown.map((window) => wrapped(`  ${dayOf(window.from)}  ${window.retraining}: `, window.reason, '              ', context.width)).join('')}`,
    promotions.length === 0 ? '' : `\nDid it help?\n${promotions.map((promotion) => wrapped(`  version ${promotion.version} for ${promotion.replaced}: `, verdictOf(promotion), '    ', context.width)).join('')}`,
  ].join(''));
  if (shown.length < windows.length) context.suggest(`${shown.length} of ${windows.length} windows; --last ${windows.length} shows all.`);
  const alarmed = shown.findLast(({ alarm }) => alarm);
  if (alarmed !== undefined) context.suggest(`Why a window led to what: rhei why window ${name}/${formatInstant(alarmed.from)}`);
}

function aboutOf(monitor: monitoring.Monitor, width: number): string {
  const expected = monitor.budget * monitor.tested;
  return pairs([
    ['monitor', monitor.name], ['deployment', `${monitor.deployment}, model ${monitor.model}`], ['watches', monitor.watch.join(', ')], ['against', monitor.against === 'both' ? 'a fixed and a moving reference' : `a ${monitor.against} reference`],
    ['windows', `${monitor.windows}, of which ${monitor.tested} could be tested`], ['alarms', `${monitor.alarms}; by its budget of ${share(monitor.budget)} chance alone makes ${expected.toFixed(2)}`],
    ['retrainings', `${monitor.retrainingsRequested} requested, ${monitor.retrainingsDeclined} alarms without one`], ['next closes', monitor.nextWindowCloses === 0 ? 'nothing is live' : formatInstant(monitor.nextWindowCloses)],
    ...(monitor.cost === undefined ? [] : [['cost', `${costOf(monitor.cost)}: ${monitor.cost.runs} runs ${amount(monitor.cost.ofRuns)}, ${monitor.cost.alarms} alarms ${amount(monitor.cost.ofAlarms)}`] as [string, string]]),
  ], width);
}

const windowsTable = (windows: monitoring.Window[], width: number): string => table(
  [{ head: 'FROM' }, { head: 'VERSION', right: true }, { head: 'ROWS', right: true }, { head: 'COVERAGE' }, { head: 'LOG LOSS' }, { head: 'ALARMS', right: true }, { head: 'RETRAINING', cut: true }],
  windows.map((window) => [
    dayOf(window.from), String(window.referenceVersion), String(window.rows), restated(share(window.coverage), window.restated && share(window.restated.coverage)),
    restated(lossOf(window.logLoss), window.restated && lossOf(window.restated.logLoss)), String(window.tests.filter(({ alarm }) => alarm).length), window.retraining,
  ]), width,
);
const restated = (then: string, now: string | undefined): string => (now === undefined || now === then ? then : `${then} → ${now}`);

function testsOf(windows: monitoring.Window[], width: number): string {
  const rows = windows.flatMap((window) => [
    ...window.tests.map((test) => [dayOf(window.from), testName(test), effectOf(test), pValueOf(test), test.alarm ? 'alarm' : test.shown ? `shown: ${test.rows} rows` : '-']),
    ...window.untested.map((one) => [dayOf(window.from), testName(one), '-', '-', `not tested: ${one.why}`]),
  ]);
  if (rows.length === 0) return '';
  return `\nTests\n${table([{ head: 'FROM' }, { head: 'TEST', cut: true }, { head: 'CHANGE', right: true }, { head: 'P', right: true }, { head: 'VERDICT', cut: true }], rows, width)}`;
}

const verdictOf = ({ verdict, reason, due, rollbackRequested }: monitoring.Promotion): string =>
  (verdict === '' ? `is judged ${formatInstant(due)}, when its labels are mature` : `${verdict}, ${reason}${rollbackRequested ? '; a rollback was asked for' : ''}`);

const amount = (value: number): string => value.toFixed(2);
const costOf = (cost: monitoring.Cost | undefined): string => (cost === undefined ? '-' : `${amount(cost.total)} ${cost.unit}`);

const monitorAsJson = (monitor: monitoring.Monitor) => ({ ...monitor, nextWindowCloses: monitor.nextWindowCloses === 0 ? null : formatInstant(monitor.nextWindowCloses), cost: monitor.cost ?? null });
const windowAsJson = ({ from, to, decidedAt, rows, labelled, coverage, logLoss, restated: now, ...window }: monitoring.Window) => ({
  from: formatInstant(from), to: formatInstant(to), decidedAt: formatInstant(decidedAt), ...window,
  atClose: { rows, labelled, coverage, logLoss: logLoss === 0 ? null : logLoss }, restated: now === undefined ? null : { ...now, logLoss: now.logLoss ?? null },
});
const promotionAsJson = ({ liveFrom, due, judgedAt, ...promotion }: monitoring.Promotion) =>
  ({ ...promotion, liveFrom: formatInstant(liveFrom), due: formatInstant(due), judgedAt: judgedAt === 0 ? null : formatInstant(judgedAt) });
