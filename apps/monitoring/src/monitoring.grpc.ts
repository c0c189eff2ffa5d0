import { monitoring, notFound } from '@rhei/contracts';
import { readers, type Rpc } from '@rhei/runtime';
import { findDeployment, findFeatureSet } from './copies.store';
import type { Deps } from './deps';
import { listAlarms } from './drift/list-alarms';
import { monthlyPerformance, restatedWindows } from './figures.store';
import { costOf } from './monitor/cost';
import { listMonitors, type Monitor, type Tally } from './monitor/monitor.store';
import { getComparison } from './promotion/get-comparison';
import { listPromotions, type Promotion } from './promotion/promotion.store';
import type { Performance } from './window/performance';
import { closesAt, windowFrom } from './window/window';
import { listWindows, type ClosedWindow } from './window/window.store';

const deadline = 2_000;
/** Of what reads all predictions of a deployment. */
const longer = 10_000;

/** Monitoring's gRPC door: it only answers questions. */
export const monitoringRpc = (deps: Deps): Rpc => ({
  definition: monitoring.MonitoringServiceService,
  methods: {
    listMonitors: { roles: readers, deadline, handle: async (): Promise<monitoring.ListMonitorsResponse> => ({ monitors: await monitorsOf(deps) }) },
    listWindows: { roles: readers, deadline: longer, handle: async ({ monitor }: monitoring.ListWindowsRequest): Promise<monitoring.ListWindowsResponse> => {
      const { name, spec } = await known(deps, monitor);
      const restated = await restatedWindows(deps.database, name, spec.deployment, deps.clock.now());
      return { windows: (await listWindows(deps.database, name)).map((window) => toMessage(window, restated.get(window.from))) };
    } },
    getPerformance: { roles: readers, deadline: longer, handle: async ({ monitor }: monitoring.GetPerformanceRequest): Promise<monitoring.GetPerformanceResponse> => {
      const { spec } = await known(deps, monitor);
      return { rows: await monthlyPerformance(deps.database, spec.deployment, deps.clock.now()) };
    } },
    listAlarms: { roles: readers, deadline, handle: async ({ monitor, since }: monitoring.ListAlarmsRequest): Promise<monitoring.ListAlarmsResponse> => {
      if (monitor !== '') await known(deps, monitor);
      return { alarms: await listAlarms(deps, monitor === '' ? undefined : monitor, since) };
    } },
    listPromotions: { roles: readers, deadline, handle: async ({ monitor }: monitoring.ListPromotionsRequest): Promise<monitoring.ListPromotionsResponse> => {
      const { name } = await known(deps, monitor);
      return { promotions: (await listPromotions(deps.database, name)).map(promotionMessage) };
    } },
    getComparison: { roles: readers, deadline: 2 * longer, handle: async (request: monitoring.GetComparisonRequest): Promise<monitoring.GetComparisonResponse> =>
      getComparison(deps, await known(deps, request.monitor), request) },
  },
});

async function known({ database }: Deps, name: string): Promise<Monitor & Tally> {
  const monitors = await listMonitors(database);
  const found = monitors.find((monitor) => monitor.name === name);
  if (found) return found;
  const names = monitors.map((monitor) => monitor.name).join(', ');
  throw notFound(`There is no monitor "${name}"; there ${monitors.length === 0 ? 'are none' : `is ${names}`}. Apply a resource of kind Monitor with this name first.`, { field: 'monitor', expected: names || 'a monitor, of which there is none', got: name });
}

async function monitorsOf({ database }: Deps): Promise<monitoring.Monitor[]> {
  const monitors: monitoring.Monitor[] = [];
  for (const { name, spec, nextFrom, windows, tested, alarms, requested, declined } of await listMonitors(database)) {
    const deployment = await findDeployment(database, spec.deployment);
    const featureSet = deployment && (await findFeatureSet(database, deployment.featureSet));
    const nextWindowCloses = nextFrom === null || !featureSet ? 0 : closesAt(windowFrom(spec, nextFrom), featureSet.maturity);
    monitors.push({
      name, deployment: spec.deployment, model: deployment?.model ?? '', windows, alarms, nextWindowCloses, budget: spec.budget, tested,
      retrainingsRequested: requested, retrainingsDeclined: declined, watch: spec.watch, against: spec.against, cost: costOf(spec, { requested, alarms }),
    });
  }
  return monitors;
}

const toMessage = (w: ClosedWindow, restated: Performance | undefined): monitoring.Window => ({
  from: w.from, to: w.to, decidedAt: w.decidedAt, referenceVersion: w.referenceVersion, tests: w.tests.map((test) => ({ ...test, before: test.before, after: test.after })),
  alarm: w.alarm, retraining: w.retraining, reason: w.reason, logLoss: w.logLoss ?? 0, coverage: w.coverage, rows: w.rows, labelled: w.labelled, untested: w.untested,
  restated: restated && { ...restated, logLoss: restated.logLoss },
});

const promotionMessage = ({ model, version, replaced, liveFrom, due, judged }: Promotion): monitoring.Promotion => ({
  model, version, replaced, liveFrom, due, judgedAt: judged?.at ?? 0, verdict: judged?.verdict ?? '', reason: judged?.reason ?? '',
  difference: judged?.difference ?? 0, low: judged?.low ?? 0, high: judged?.high ?? 0, rows: judged?.rows ?? 0, days: judged?.days ?? 0, rollbackRequested: (judged?.rollback ?? null) !== null,
});
