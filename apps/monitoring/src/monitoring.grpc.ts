import { monitoring, notFound } from '@rhei/contracts';
import { readers, type Rpc } from '@rhei/runtime';
import { findDeployment, findFeatureSet } from './copies.store';
import type { Deps } from './deps';
import { listMonitors, listWindows, type ClosedWindow } from './monitor.store';
import { monthlyPerformance } from './prediction.store';
import { closesAt, windowFrom } from './window';

const deadline = 2_000;

/** Monitoring's gRPC door: it only answers questions. */
export const monitoringRpc = (deps: Deps): Rpc => ({
  definition: monitoring.MonitoringServiceService,
  methods: {
    listMonitors: { roles: readers, deadline, handle: async (): Promise<monitoring.ListMonitorsResponse> => ({ monitors: await monitorsOf(deps) }) },
    listWindows: { roles: readers, deadline, handle: async ({ monitor }: monitoring.ListWindowsRequest): Promise<monitoring.ListWindowsResponse> => {
      await known(deps, monitor);
      return { windows: (await listWindows(deps.database, monitor)).map(toMessage) };
    } },
    getPerformance: { roles: readers, deadline: 5_000, handle: async ({ monitor }: monitoring.GetPerformanceRequest): Promise<monitoring.GetPerformanceResponse> => {
      const { spec } = await known(deps, monitor);
      return { rows: await monthlyPerformance(deps.database, spec.deployment, deps.clock.now()) };
    } },
  },
});

async function known({ database }: Deps, name: string): ReturnType<typeof listMonitors> extends Promise<(infer M)[]> ? Promise<M> : never {
  const monitors = await listMonitors(database);
  const found = monitors.find((monitor) => monitor.name === name);
  if (!found) throw notFound(`There is no monitor "${name}"; there ${monitors.length === 0 ? 'are none' : `is ${monitors.map((monitor) => monitor.name).join(', ')}`}. Apply a resource of kind Monitor with this name first.`);
  return found;
}

async function monitorsOf({ database }: Deps): Promise<monitoring.Monitor[]> {
  const monitors: monitoring.Monitor[] = [];
  for (const { name, spec, nextFrom, windows, alarms } of await listMonitors(database)) {
    const deployment = await findDeployment(database, spec.deployment);
    const featureSet = deployment && (await findFeatureSet(database, deployment.featureSet));
    const nextWindowCloses = nextFrom === null || !featureSet ? 0 : closesAt(windowFrom(spec, nextFrom), featureSet.maturity);
    monitors.push({ name, deployment: spec.deployment, model: deployment?.model ?? '', windows, alarms, nextWindowCloses });
  }
  return monitors;
}

const toMessage = (w: ClosedWindow): monitoring.Window => ({
  from: w.from, to: w.to, decidedAt: w.decidedAt, referenceVersion: w.referenceVersion, tests: w.tests, alarm: w.alarm,
  retraining: w.retraining, reason: w.reason, logLoss: w.logLoss ?? 0, coverage: w.coverage, rows: w.rows,
});
