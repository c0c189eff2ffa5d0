import { formatInstant } from '@rhei/expressions';
import type { Transaction } from '@rhei/runtime';
import { everLive, findFeatureSet, findProfile, learntUntil, type Deployment } from '../copies.store';
import type { References } from '../drift/drift';
import { isObstacle, quietWindows, type Obstacle, type Rows } from '../drift/reference';
import type { Monitor } from '../monitor/monitor.store';
import { rowsOf } from '../prediction.store';
import { bucketOf, type Window } from './window';
import { listWindows } from './window.store';

/** Reads with what a window is compared, as far as the monitor asks for it. */
export async function gatherReferences(tx: Transaction, { name, spec }: Monitor, deployment: Deployment, window: Window, live: { model: string; version: number } | undefined): Promise<References> {
  const request = (await findFeatureSet(tx, deployment.featureSet))?.request ?? {};
  const asks = { moving: spec.against !== 'fixed' || spec.slices.length > 0, ownDays: spec.against !== 'moving' && spec.watch.includes('loss') };
  return {
    liveVersion: live?.version ?? 0,
    profile: live && (await findProfile(tx, live.model, live.version)),
    requestFields: Object.keys(request),
    moving: asks.moving ? await movingRows(tx, { name, spec }, deployment, window, live) : { why: 'the monitor does not ask for it' },
    ownDays: asks.ownDays ? await ownDays(tx, { spec }, deployment, window, live) : { why: 'the monitor does not ask for it' },
  };
}

async function movingRows(tx: Transaction, { name, spec }: Pick<Monitor, 'name' | 'spec'>, deployment: Deployment, window: Window, live: { model: string; version: number } | undefined): Promise<Rows | Obstacle> {
  const quiet = quietWindows(await listWindows(tx, name), window, { reference: spec.reference, learntUntil: live ? await learntUntil(tx, live.model, live.version) : 0 });
  if (isObstacle(quiet)) return quiet;
  const rows = await rowsOf(tx, deployment.name, { from: quiet[0].from, to: quiet[quiet.length - 1].to }, tx.now);
  return { spans: quiet, rows: rows.filter(({ at }) => quiet.some(({ from, to }) => at >= from && at < to)) };
}

/** The first days of the live version after it went live: what it answered then, no fit has seen. */
async function ownDays(tx: Transaction, { spec }: Pick<Monitor, 'spec'>, deployment: Deployment, window: Window, live: { model: string; version: number } | undefined): Promise<Rows | Obstacle> {
  const first = live && (await everLive(tx, deployment.name, live.model)).find(({ version }) => version === live.version);
  if (!first) return { why: 'no version is live' };
  const bucket = bucketOf(spec);
  const from = Math.ceil(first.from / bucket) * bucket;
  const to = from + spec.reference * spec.cycle * bucket;
  if (window.from < to) {
    return { why: `version ${first.version} is live since ${formatInstant(first.from)}, and its loss is held against its own first ${spec.reference} cycles, which no fit has seen; they end ${formatInstant(to)}` };
  }
  const rows = await rowsOf(tx, deployment.name, { from, to }, tx.now);
  return { spans: [{ from, to }], rows: rows.filter(({ version }) => version === first.version) };
}
