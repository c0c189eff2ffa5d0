import { RheiError } from '@rhei/contracts';
import { annotate, elapsed, pause, recordSpan, resume, unsampled, type Blobs, type Database } from '@rhei/runtime';
import type { Logger } from 'pino';
import { askTrainingSet, type BuildTrainingSet } from './ask-training-set';
import { completeRun } from './complete-run';
import type { Config } from './config';
import { failRun } from './fail-run';
import { runProcess, type Ending } from './fit/run-process';
import type { FitTask } from './fit/task';
import { isGone, LeaseHolder } from './lease-holder';
import { beat, holds, listLeases, releaseLease, takeLease, type Lease } from './lease.store';
import { readManifest } from './manifest';
import { mayTryAgain, type Run } from './run';
import { lockRun, runNamed, waitingRuns } from './run.store';

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
      if (this.fitting.has(lease.run) || !this.isFree(lease)) continue;
      const taken = await database.transaction((tx) => takeLease(tx, lease, this.holder.name));
      if (taken === undefined) continue;
      const stop = new AbortController();
      const span = { name: 'training run', attributes: { 'rhei.run.id': taken.run } };
      const over = resume({ service: 'training', traceparent: taken.traceparent, span: () => span }, () => this.fit(taken, stop.signal)).then((ending) => {
        this.fitting.delete(taken.run);
        // What was stopped would be stopped again if it were taken up at once: it waits for the next look.
        if (ending !== 'stopped') this.wake();
      });
      this.fitting.set(taken.run, { stop, over });
    }
  }

  /** Nobody's, or somebody's who is gone, or whose beat has stood still for the time of a lease, by our own monotonic clock. */
  private isFree({ run, holder, token, beat: now }: Lease): boolean {
    if (holder === '' || holder === this.holder.name || isGone(holder)) return true;
    const before = this.seen.get(run);
    if (before?.beat !== now || before.token !== token) {
      this.seen.set(run, { beat: now, token, since: elapsed() });
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
    let done = 0;
    const beating = this.keepBeating(lease, () => done, over);
    let ending: Ending;
    try {
      const run = await runNamed(database, lease.run);
      annotate(() => ({ 'rhei.model.name': run.model, 'rhei.plan': run.plan, 'rhei.training_set.id': run.trainingSet }));
      ending = await runProcess(await this.taskOf(run), { memoryMb: config.runMemoryMb, seconds: config.runSeconds }, {
        progress: (share) => { done = share; }, phase: ({ name, from, to }) => recordSpan(name, from, to),
      }, over.signal);
      annotate(() => ({ 'rhei.run.ending': ending.type }));
    } catch (error) {
      const later = error instanceof RheiError && away.has(error.code);
      if (later) log.warn({ err: error, run: lease.run }, 'what a run reads could not be fetched');
      ending = later ? { type: 'stopped' } : { type: 'died', reason: (error as Error).message };
    }
    over.abort();
    await beating;
    stop.removeEventListener('abort', end);
    const seconds = (elapsed() - started) / 1000;
    try {
      await this.settle(lease, ending, seconds);
    } catch (error) {
      log.error({ err: error, run: lease.run }, 'the end of a run could not be recorded');
      return this.settleLater(lease, error, seconds);
    }
    return ending.type;
  }

  /** A fault that is not the database's counts as a death: the run would come to the same end for ever. */
  private async settleLater(lease: Lease, error: unknown, seconds: number): Promise<Ending['type']> {
    const fault = !(error instanceof RheiError && away.has(error.code));
    try {
      await this.settle(lease, fault ? { type: 'died', reason: `The end of the run could not be recorded: ${(error as Error).message}` } : { type: 'stopped' }, seconds);
    } catch {
      // The lease is still ours: a later look takes the run up again.
    }
    return 'stopped';
  }

  /** Signs of life until the fit is over; a lease that was lost ends it. */
  private async keepBeating(lease: Lease, done: () => number, over: AbortController): Promise<void> {
    while (!over.signal.aborted) {
      await pause(this.deps.config.leaseMs / 5, over.signal);
      if (over.signal.aborted) return;
      try {
        if (!(await this.deps.database.transaction((tx) => beat(tx, lease, done())))) over.abort();
      } catch (error) {
        this.deps.log.warn({ err: error, run: lease.run }, 'a sign of life could not be given');
      }
    }
  }

  private async taskOf(run: Run): Promise<FitTask> {
    const { blobs } = this.deps;
    const manifest = readManifest(Buffer.from(await blobs.get(run.manifestDigest)).toString('utf8'));
    if (typeof manifest === 'string') throw new Error(manifest);
    const { champion } = run;
    return {
      parquet: await blobs.path(manifest.digests.parquet), reads: run.reads, spec: run.spec, asOf: run.asOf, filledFrom: manifest.filledFrom, trainingSetDigest: run.trainingSetDigest,
      ...(champion === undefined ? {} : { champion: { digest: champion.digest, path: await blobs.path(champion.digest), fitUntil: champion.fitUntil } }),
    };
  }

  private async settle(lease: Lease, ending: Ending, seconds: number): Promise<void> {
    const { database, blobs, log } = this.deps;
    if (ending.type === 'stopped') return void (await database.transaction((tx) => releaseLease(tx, lease, false)));
    const artifact = ending.type === 'done' ? await blobs.put(ending.result.artifact) : '';
    await database.transaction(async (tx) => {
      // Who lost the lease writes nothing: another replica works on the run, or it was cancelled.
      if (!(await holds(tx, lease))) return;
      const run = (await lockRun(tx, lease.run))!;
      if (ending.type === 'done') return completeRun(tx, run, artifact, ending.result, seconds);
      if (ending.type === 'refused') return failRun(tx, run, ending.reason, seconds);
      log.warn({ run: lease.run, reason: ending.reason }, 'the process of a run died');
      if (!mayTryAgain(await releaseLease(tx, lease, true))) await failRun(tx, run, ending.reason, seconds);
    });
  }
}
