import { RheiError } from '@rhei/contracts';
import { statusOfAll } from './commands/status';
import type { Platform } from './platform';
import type { TopFacts } from './top-frame';

/** Answers by deployment, at a monotonic instant in milliseconds. */
export interface Counted { at: number; answered: Map<string, number> }

/**
 * Asks for one frame. `before`: what was counted for the frame before, for rates; `now` in monotonic milliseconds.
 * Errors: when the platform does not answer at all, or the caller may not look.
 */
export async function readTop(platform: Platform, now: () => number, before?: Counted): Promise<{ facts: TopFacts; counted: Counted }> {
  const silent: string[] = [];
  const part = async <T>(who: string, read: Promise<T>): Promise<T | undefined> => {
    try {
      return await read;
    } catch (error) {
      if (!(error instanceof RheiError) || ['unauthenticated', 'forbidden'].includes(error.code)) throw error;
      silent.push(`${who} does not answer: ${error.message}`);
      return undefined;
    }
  };
  const seconds = 5;
  const [services, deployments, monitors, runs] = await Promise.all([
    statusOfAll(platform),
    part('serving', platform.ask(platform.serving, platform.serving.listDeployments, {}, seconds)),
    part('monitoring', platform.ask(platform.monitoring, platform.monitoring.listMonitors, {}, seconds)),
    part('training', platform.ask(platform.training, platform.training.listRuns, { model: '', plan: '', state: 'open', limit: 0, after: '' }, seconds)),
  ]);
  const at = now();
  const answered = new Map(deployments?.deployments.map(({ name, predictions }) => [name, predictions]));
  const rateOf = (name: string, count: number): number | undefined => {
    const earlier = before?.answered.get(name);
    return earlier === undefined || at <= before!.at ? undefined : Math.max(0, count - earlier) / ((at - before!.at) / 1_000);
  };
  const facts: TopFacts = {
    services, silent: silent.sort(),
    deployments: deployments?.deployments.map((one) => ({
      name: one.name, live: one.liveVersion, stage: one.stage, candidate: one.candidate, share: one.share, answered: one.predictions, rate: rateOf(one.name, one.predictions),
    })),
    monitors: monitors?.monitors.map(({ name, windows, alarms, nextWindowCloses }) => ({ name, windows, alarms, nextWindowCloses })),
    runs: runs?.runs.map(({ id, plan, state, progress, asOf }) => ({ id, plan, state, progress, asOf })),
  };
  return { facts, counted: { at, answered } };
}
