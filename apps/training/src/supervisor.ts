import { RheiError } from '@rhei/contracts';
import { annotate, elapsed, pause, recordSpan, resume, unsampled, type Blobs, type Database } from '@rhei/runtime';
import type { Logger } from 'pino';
import { askTrainingSet, type BuildTrainingSet } from './ask-training-set';
import type { Config } from './config';
import { runProcess, type Ending } from './fit/run-process';
import { isGone, LeaseHolder } from './lease-holder';
import { beat, listLeases, takeLease, type Lease } from './lease.store';
import { runOfInputs, waitingRuns } from './run.store';
import { settleWork } from './settle-work';
import { runOfWork, taskOf } from './task-of-work';

export interface SupervisorDeps {
  database: Database;
  blobs: Blobs;
  log: Logger;
  config: Config;
  buildTrainingSet: BuildTrainingSet;
}

/** Milliseconds between two questions about a training set that is being built; its event comes earlier, most times. */
const askAgain = 5_000;
/** Codes of a store that may answer a moment later. */
const away: ReadonlySet<string> = new Set(['unavailable', 'overloaded', 'deadline_exceeded']);

/**
 * Carries runs on, from rows alone: asks for the training sets of waiting runs, takes the leases of running ones, and
 * fits those in processes. What a killed replica was doing is taken over when its lease stands still.
 */
export class Supervisor {
  private readonly holder = new LeaseHolder();
  private readonly fitting = new Map<string, { stop: AbortController; over: Promise<void> }>();
  private readonly seen = new Map<string, { beat: number; token: number; since: number }>();
  private readonly askedAt = new Map<string, number>();
  private readonly stopping = new AbortController();
  private working: Promise<void> | undefined;
  private woken = new AbortController();

  constructor(private readonly deps: SupervisorDeps) {}

  start(): void {
    this.working = this.work();
  }

  wake(): void {
    this.woken.abort();
  }

  /** Ends the process of a run, if this replica has it; the row says what became of the run. */
  stopRun(run: string): void {
    this.fitting.get(run)?.stop.abort();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    this.wake();
    await this.working;
    for (const { stop } of this.fitting.values()) stop.abort();
    await Promise.all([...this.fitting.values()].map(({ over }) => over));
    this.holder.close();
  }

  private async work(): Promise<void> {
    while (!this.stopping.signal.aborted) {
      this.woken = new AbortController();
      const { signal } = this.woken;
      try {
        await this.askForTrainingSets();
        await this.takeRuns();
      } catch (error) {
        // The database or a peer is away: the rows are as they were, and the next look finds them.
        this.deps.log.warn({ err: error }, 'runs wait: they could not be carried on');
      }
      await pause(this.deps.config.superviseMs, signal);
    }
  }

  private async askForTrainingSets(): Promise<void> {
    for (const run of await waitingRuns(this.deps.database)) {
      if (run.build === 'building' && elapsed() - (this.askedAt.get(run.id) ?? -Infinity) < askAgain) continue;
      this.askedAt.set(run.id, elapsed());
      try {
        // Asked again and again: only the first question is part of the run's story.
        const traceparent = run.build === 'unasked' ? run.traceparent : unsampled(run.traceparent);
        if (await resume({ service: 'training', traceparent }, () => askTrainingSet({ ...this.deps, wake: () => this.wake() }, run))) this.wake();
      } catch (error) {
        if (!(error instanceof RheiError)) throw error;
        this.askedAt.delete(run.id);
        this.deps.log.warn({ err: error, run: run.id }, 'the feature service could not be asked for a training set');
      }
    }
  }

  private async takeRuns(): Promise<void> {
    const { database, config } = this.deps;
    for (const lease of await listLeases(database)) {
      if (this.fitting.size >= config.runsAtOnce) return;
      if (this.fitting.has(lease.id) || !this.isFree(lease)) continue;
      const taken = await database.transaction((tx) => takeLease(tx, lease, this.holder.name));
      if (taken === undefined) continue;
      const stop = new AbortController();
      const span = { name: `training ${taken.work}`, attributes: { [`rhei.${taken.work}.id`]: taken.id } };
      const over = resume({ service: 'training', traceparent: taken.traceparent, span: () => span }, () => this.fit(taken, stop.signal)).then((ending) => {
        this.fitting.delete(taken.id);
        // What was stopped would be stopped again if it were taken up at once: it waits for the next look.
        if (ending !== 'stopped') this.wake();
      });
      this.fitting.set(taken.id, { stop, over });
    }
  }

  /** Nobody's, or somebody's who is gone, or whose beat has stood still for the time of a lease, by our own monotonic clock. */
  private isFree({ id, holder, token, beat: now }: Lease): boolean {
    if (holder === '' || holder === this.holder.name || isGone(holder)) return true;
    const before = this.seen.get(id);
    if (before?.beat !== now || before.token !== token) {
      this.seen.set(id, { beat: now, token, since: elapsed() });
      return false;
    }
    return elapsed() - before.since >= this.deps.config.leaseMs;
  }

  private async fit(lease: Lease, stop: AbortSignal): Promise<Ending['type']> {
    const { database, config, log } = this.deps;
    const started = elapsed();
    const over = new AbortController();
    const end = (): void => over.abort();
    stop.addEventListener('abort', end);
    const at = { done: 0, phase: '' };
    const beating = this.keepBeating(lease, at, over);
    let ending: Ending;
    try {
      const run = await runOfWork(database, lease);
      annotate(() => ({ 'rhei.model.name': run.model, 'rhei.plan': run.plan, 'rhei.training_set.id': run.trainingSet }));
      ending = await runProcess(await taskOf(this.deps.blobs, run, lease), { memoryMb: config.runMemoryMb, seconds: config.runSeconds }, {
        progress: (share) => { at.done = share; }, begun: (name) => { at.phase = name; }, phase: ({ name, from, to }) => recordSpan(name, from, to),
        ...(lease.work === 'run' && !run.noCache && { known: (inputs: string) => runOfInputs(database, run.plan, inputs) }),
      }, over.signal);
      annotate(() => ({ 'rhei.run.ending': ending.type }));
    } catch (error) {
      const later = error instanceof RheiError && away.has(error.code);
      if (later) log.warn({ err: error, [lease.work]: lease.id }, 'what a run reads could not be fetched');
      ending = later ? { type: 'stopped' } : { type: 'died', reason: (error as Error).message };
    }
    over.abort();
    await beating;
    stop.removeEventListener('abort', end);
    const seconds = (elapsed() - started) / 1000;
    try {
      await settleWork(this.deps, lease, ending, seconds);
    } catch (error) {
      log.error({ err: error, [lease.work]: lease.id }, 'the end of a run could not be recorded');
      return this.settleLater(lease, error, seconds);
    }
    return ending.type;
  }

  /** A fault that is not the database's counts as a death: the run would come to the same end for ever. */
  private async settleLater(lease: Lease, error: unknown, seconds: number): Promise<Ending['type']> {
    const fault = !(error instanceof RheiError && away.has(error.code));
    try {
      await settleWork(this.deps, lease, fault ? { type: 'died', reason: `The end of the run could not be recorded: ${(error as Error).message}` } : { type: 'stopped' }, seconds);
    } catch {
      // The lease is still ours: a later look takes the run up again.
    }
    return 'stopped';
  }

  /** Signs of life until the fit is over; a lease that was lost ends it. */
  private async keepBeating(lease: Lease, at: { done: number; phase: string }, over: AbortController): Promise<void> {
    while (!over.signal.aborted) {
      await pause(this.deps.config.leaseMs / 5, over.signal);
      if (over.signal.aborted) return;
      try {
        if (!(await this.deps.database.transaction((tx) => beat(tx, lease, at)))) over.abort();
      } catch (error) {
        this.deps.log.warn({ err: error, [lease.work]: lease.id }, 'a sign of life could not be given');
      }
    }
  }
}
