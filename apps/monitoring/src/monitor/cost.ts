import type { MonitorSpec } from './monitor-spec';

export interface Cost { unit: string; runs: number; alarms: number; ofRuns: number; ofAlarms: number; total: number }

/** What a monitor's windows have cost by the figures that its policy declares now: runs that were asked for, windows with an alarm. */
export function costOf({ retrain }: Pick<MonitorSpec, 'retrain'>, { requested, alarms }: { requested: number; alarms: number }): Cost | undefined {
  if (!retrain?.cost) return undefined;
  const { run, alarm, unit } = retrain.cost;
  return { unit, runs: requested, alarms, ofRuns: run * requested, ofAlarms: alarm * alarms, total: run * requested + alarm * alarms };
}
