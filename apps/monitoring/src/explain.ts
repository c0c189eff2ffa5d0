import { formatInstant, parseInstant } from '@rhei/expressions';
import type { Explanation } from '@rhei/runtime';
import type { Deps } from './deps';
import { alarmId } from './drift/list-alarms';
import { alarmSentence, figuresOf, testName } from './drift/sentence';
import { restatedWindows } from './figures.store';
import { listMonitors } from './monitor/monitor.store';
import { listPromotions } from './promotion/promotion.store';
import { findRetraining } from './window/retraining.store';
import { listAlarmedWindows, listWindows } from './window/window.store';

/**
 * What a closed window said, what was decided on it, and what its figures are with the labels that count now. The id is
 * `<monitor>/<instant, RFC 3339>`: where the window starts, or any instant in it.
 */
export async function explainWindow({ database, clock }: Deps, id: string): Promise<Explanation | undefined> {
  const cut = id.lastIndexOf('/');
  const at = instantOf(id.slice(cut + 1));
  const windows = await listWindows(database, id.slice(0, cut));
  const window = windows.find(({ from }) => from === at) ?? windows.find(({ from, to }) => at !== undefined && at >= from && at < to);
  if (!window) return undefined;
  const deployment = (await listMonitors(database)).find(({ name }) => name === window.monitor)?.spec.deployment ?? '';
  const restated = (await restatedWindows(database, window.monitor, deployment, clock.now(), window.from)).get(window.from);
  return {
    title: `Window ${formatInstant(window.from)} to ${formatInstant(window.to)} of monitor ${window.monitor}: ${window.alarm ? 'an alarm' : 'no alarm'}`,
    lines: [
      `decided ${formatInstant(window.decidedAt)} over ${window.rows} predictions, against the reference of version ${window.referenceVersion}`,
      ...window.tests.map((test) => `${testName(test)}: ${figuresOf(test)}${test.alarm ? ', alarm' : test.shown ? `, only shown: ${test.rows} rows` : ''}`),
      ...window.untested.map((one) => `${testName(one)}: not tested, because ${one.why}`),
      figuresLine(window),
      ...(restated && (restated.labelled !== window.labelled || restated.rows !== window.rows || differs(restated.logLoss, window.logLoss)) ? [`with the labels that count now: ${figuresLine(restated)}`] : []),
      `retraining ${window.retraining}${window.reason === '' ? '' : `: ${window.reason}`}`,
    ],
    causes: window.referenceVersion === 0 ? [] : [{ service: 'registry', kind: 'version', id: `${window.model}/${window.referenceVersion}` }],
  };
}

const figuresLine = ({ logLoss, coverage }: { logLoss?: number; coverage: number }): string =>
  `${logLoss === undefined ? 'no label was mature' : `log loss ${logLoss.toFixed(4)}`}, coverage ${(100 * coverage).toFixed(1)} %`;
/** Beyond what two ways of adding up differ by. */
const differs = (a: number | undefined, b: number | undefined): boolean => (a === undefined) !== (b === undefined) || Math.abs((a ?? 0) - (b ?? 0)) > 1e-9;

/** One alarm: what differed, by how much, and what was decided. The id is that of the alarm list. */
export async function explainAlarm({ database }: Deps, id: string): Promise<Explanation | undefined> {
  const monitor = id.split('/')[0];
  for (const window of await listAlarmedWindows(database, monitor, 0)) {
    const test = window.tests.find((each) => each.alarm && alarmId(window, each) === id);
    if (!test) continue;
    return {
      title: `Alarm: ${alarmSentence(test, window.referenceVersion)}`,
      lines: [
        `from ${formatInstant(window.from)} to ${formatInstant(window.to)}, over ${test.rows} rows; decided ${formatInstant(window.decidedAt)}`,
        `effect ${test.effect.toFixed(4)} (${test.measure}); the floor is ${test.floor}`,
      ],
      causes: [{ service: 'monitoring', kind: 'window', id: `${window.monitor}/${formatInstant(window.from)}` }],
    };
  }
  return undefined;
}

/** Whether a promotion helped. The id is `<monitor>/<model>/<version>`; of several promotions of one version it is the last. */
export async function explainPromotion({ database }: Deps, id: string): Promise<Explanation | undefined> {
  const [monitor, model, version] = id.split('/');
  const promotion = (await listPromotions(database, monitor)).findLast((each) => each.model === model && String(each.version) === version);
  if (!promotion) return undefined;
  const { replaced, liveFrom, due, judged } = promotion;
  return {
    title: `Promotion of version ${version} of ${model} in place of version ${replaced}: ${judged?.verdict ?? 'not judged yet'}`,
    lines: [
      `live from ${formatInstant(liveFrom)}`,
      judged ? `judged ${formatInstant(judged.at)}: ${judged.reason}` : `it is judged ${formatInstant(due)}, when its labels are mature`,
      ...((judged?.rollback ?? null) === null ? [] : [`a rollback was requested: ${judged?.rollback}`]),
    ],
    causes: [{ service: 'registry', kind: 'version', id: `${model}/${version}` }],
  };
}

/** Why a retraining was requested, and how it ended. */
export async function explainRetraining({ database }: Deps, id: string): Promise<Explanation | undefined> {
  const request = await findRetraining(database, id);
  if (!request) return undefined;
  return {
    title: `Retraining of model ${request.model}, requested ${formatInstant(request.requestedAt)} by monitor ${request.monitor}`,
    lines: [request.reason, request.ended ? `ended ${formatInstant(request.ended.at)}: ${request.ended.by}` : 'under way'],
    causes: [{ service: 'monitoring', kind: 'window', id: `${request.monitor}/${formatInstant(request.windowFrom)}` }],
  };
}

function instantOf(text: string): number | undefined {
  try {
    return parseInstant(text);
  } catch {
    return undefined;
  }
}
