import type { Transaction } from '@rhei/runtime';
import { findFeatureSet, findLive, holdDeployment } from '../copies.store';
import { lockIdleMonitors, setNextWindow } from '../monitor/monitor.store';
import { closesAt, firstWindow } from './window';

export const WINDOW_CLOSES = 'window-closes';

/**
 * Begins the first window of each monitor of the deployment that has none, once all it takes is known: the deployment, how
 * long its labels take to mature, and a version that is live. Called by whatever brings one of them, in any order.
 */
export async function startWindows(tx: Transaction, name: string): Promise<void> {
  const deployment = await holdDeployment(tx, name);
  if (!deployment) return;
  const [featureSet, live] = [await findFeatureSet(tx, deployment.featureSet), await findLive(tx, name)];
  if (!featureSet || !live) return;
  for (const monitor of await lockIdleMonitors(tx, name)) {
    const window = firstWindow(monitor.spec, Math.max(live.since, monitor.watchedFrom));
    await setNextWindow(tx, monitor.name, window.from);
    await tx.arm(WINDOW_CLOSES, monitor.name, closesAt(window, featureSet.maturity));
  }
}
