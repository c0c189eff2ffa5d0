import { formatInstant, parseInstant } from '@rhei/expressions';
import type { Explanation } from '@rhei/runtime';
import type { Deps } from './deps';
import { findRetraining, listWindows } from './monitor.store';

/** What a closed window said, and what was decided on it. The id is `<monitor>/<start of the window, RFC 3339>`. */
export async function explainWindow({ database }: Deps, id: string): Promise<Explanation | undefined> {
  const cut = id.lastIndexOf('/');
  const from = instantOf(id.slice(cut + 1));
  const window = (await listWindows(database, id.slice(0, cut))).find((each) => each.from === from);
  if (!window) return undefined;
  return {
    title: `Window ${formatInstant(window.from)} to ${formatInstant(window.to)} of monitor ${window.monitor}: ${window.alarm ? 'an alarm' : 'no alarm'}`,
    lines: [
      `decided ${formatInstant(window.decidedAt)} over ${window.rows} predictions, against the reference of version ${window.referenceVersion}`,
      ...window.tests.map(({ name, effect, pValue, alarm }) => `${name}: PSI ${effect.toFixed(3)}, p = ${pValue.toFixed(3)}${alarm ? ', alarm' : ''}`),
      ...window.untested.map(({ name, why }) => `${name}: not tested, because ${why}`),
      `${window.logLoss === undefined ? 'no label was mature' : `log loss ${window.logLoss.toFixed(4)}`}, coverage ${(100 * window.coverage).toFixed(1)} %`,
      ...(window.retraining === 'none' ? [] : [`retraining ${window.retraining}: ${window.reason}`]),
    ],
    causes: window.referenceVersion === 0 ? [] : [{ service: 'registry', kind: 'version', id: `${window.model}/${window.referenceVersion}` }],
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
