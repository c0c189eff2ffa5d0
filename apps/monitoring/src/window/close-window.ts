import { canonicalJson, digestOf, formatInstant } from '@rhei/expressions';
import type { Instant, TimerHandler, Transaction } from '@rhei/runtime';
import { findDeployment, findFeatureSet, findLive, isPlanned, lastTraining, type Deployment } from '../copies.store';
import type { Deps } from '../deps';
import { testWindow } from '../drift/drift';
import type { Profile } from '../drift/reference';
import { alarmSentence, untestedText } from '../drift/sentence';
import { newLabels } from '../label.store';
import { lockMonitor, setNextWindow, type Monitor } from '../monitor/monitor.store';
import { rowsOf } from '../prediction.store';
import { gatherReferences } from './gather-references';
import { performanceOf } from './performance';
import { decideRetraining } from './retraining';
import { keepRetraining, lastRetraining } from './retraining.store';
import { WINDOW_CLOSES } from './start-windows';
import { closesAt, windowFrom, type Window } from './window';
import { keepWindow, type ClosedWindow } from './window.store';

/** The timer of a monitor: its window is over and the truth about it mature. Decides it and arms the next. */
export const windowCloses: TimerHandler<Deps> = {
  kind: WINDOW_CLOSES,
  async fire(_deps, { key, due }, tx) {
    const monitor = await lockMonitor(tx, key);
    const deployment = monitor && (await findDeployment(tx, monitor.spec.deployment));
    const featureSet = deployment && (await findFeatureSet(tx, deployment.featureSet));
    // Another grid was applied while this timer was on its way: it has armed its own.
    if (!featureSet || monitor.nextFrom === null) return;
    await closeWindow(tx, monitor, deployment, windowFrom(monitor.spec, monitor.nextFrom));
    const next = windowFrom(monitor.spec, windowFrom(monitor.spec, monitor.nextFrom).to);
    await setNextWindow(tx, key, next.from);
    await tx.arm(WINDOW_CLOSES, key, Math.max(closesAt(next, featureSet.maturity), due + 1));
  },
};

/** Decides one window over the rows and labels that are known now: what differs, how good the answers were, and whether to train again. */
async function closeWindow(tx: Transaction, monitor: Monitor, deployment: Deployment, window: Window): Promise<void> {
  const { name, spec } = monitor;
  const live = await findLive(tx, deployment.name);
  const rows = await rowsOf(tx, deployment.name, window, tx.now);
  const references = await gatherReferences(tx, monitor, deployment, window, live);
  const verdict = testWindow(name, spec, window, rows, references);
  const alarms = verdict.tests.filter(({ alarm }) => alarm);
  const performance = performanceOf(rows);
  const last = await lastRetraining(tx, name);
  const labels = await newLabels(tx, deployment.featureSet, await lastTraining(tx, deployment.model), tx.now);
  const retraining = decideRetraining(spec.retrain, {
    alarms: alarms.length, labels, now: tx.now, planned: await isPlanned(tx, deployment.model), last: last && { requestedAt: last.requestedAt, ended: last.ended !== null },
  });
  const found = alarms.length === 0 ? '' : `${alarms.map((alarm) => alarmSentence(alarm, live?.version ?? 0)).join('; ')}, from ${dayOf(window.from)} to ${dayOf(window.to)}`;
  const closed: ClosedWindow = {
    ...window, ...verdict, monitor: name, decidedAt: tx.now, model: deployment.model, referenceVersion: live?.version ?? 0, alarm: alarms.length > 0,
    retraining: retraining.action, reason: [found, retraining.why, retraining.action === 'none' ? untestedText(verdict.untested) : ''].filter(Boolean).join('; '),
    logLoss: performance.logLoss, coverage: performance.coverage, labelled: performance.labelled, rows: rows.length,
  };
  await keepWindow(tx, closed);
  await record(tx, closed, references.profile);
  if (closed.alarm) {
    const evidence = alarms.map((alarm) => ({ ...alarm, against: alarm.reference, reference: { version: closed.referenceVersion, from: references.profile?.from ?? 0, to: references.profile?.to ?? 0 } }));
    await tx.emit('DriftDetected', name, { monitor: name, deployment: deployment.name, windowFrom: window.from, windowTo: window.to, alarmsJson: canonicalJson(evidence) });
  }
  if (retraining.action !== 'none') await decideOn(tx, closed, deployment, { labels, policy: spec.retrain ?? null });
}

const subjectOf = ({ monitor, from }: ClosedWindow): string => `monitor/${monitor}/${formatInstant(from)}`;

const record = (tx: Transaction, closed: ClosedWindow, reference: Profile | undefined): Promise<void> =>
  tx.decide({
    subject: subjectOf(closed), action: 'window', by: 'monitoring',
    inputs: {
      window: { from: closed.from, to: closed.to }, rows: closed.rows, labelled: closed.labelled, model: closed.model,
      reference: reference ? { version: reference.version, from: reference.from, to: reference.to } : null,
    },
    outcome: { alarm: closed.alarm, tests: closed.tests, untested: closed.untested, logLoss: closed.logLoss ?? null, coverage: closed.coverage, retraining: { action: closed.retraining, reason: closed.reason } },
  });

/** Asks for a retraining, or puts on record why not. */
async function decideOn(tx: Transaction, closed: ClosedWindow, deployment: Deployment, { labels, policy }: { labels: number; policy: unknown }): Promise<void> {
  const inputs = { alarms: closed.tests.filter(({ alarm }) => alarm), labels, policy, window: { from: closed.from, to: closed.to }, liveVersion: closed.referenceVersion };
  if (closed.retraining === 'declined') {
    return tx.decide({ subject: subjectOf(closed), action: 'decline-retraining', by: 'monitoring', inputs, outcome: { reason: closed.reason } });
  }
  const id = `retrain-${digestOf({ monitor: closed.monitor, model: closed.model, window: inputs.window, asOf: tx.now }).slice(0, 16)}`;
  await keepRetraining(tx, { id, monitor: closed.monitor, model: closed.model, windowFrom: closed.from, liveVersion: closed.referenceVersion, requestedAt: tx.now, reason: closed.reason, inputs });
  await tx.decide({ subject: subjectOf(closed), action: 'request-retraining', by: 'monitoring', inputs, outcome: { id, reason: closed.reason } });
  await tx.emit('RetrainingRequested', closed.monitor, {
    id, monitor: closed.monitor, deployment: deployment.name, model: closed.model, asOf: tx.now, reason: closed.reason, inputsJson: canonicalJson(inputs),
  });
}

/** The day where it begins one, else the instant. */
const dayOf = (instant: Instant): string => formatInstant(instant).replace('T00:00:00Z', '');
