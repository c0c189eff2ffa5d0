import { deadlineExceeded, RheiError, type feature } from '@rhei/contracts';
import { call, currentContext, inGroup, type Clock, type Instant, type WorkContext } from '@rhei/runtime';
import type { FieldValues } from './request-fields';

/** Vectors in the order of the questions, and the instant as of which all of them are known. */
export interface Vectors extends Pick<feature.GetFeaturesResponse, 'version' | 'vectors'> {
  asOf: Instant;
}

interface Waiting {
  rows: readonly FieldValues[];
  /** Milliseconds of the monotonic clock after which no answer is wanted. */
  until: number;
  signal: AbortSignal;
  cause: WorkContext | undefined;
  /** It was asked once, and feature did not answer in time. */
  again: boolean;
  done(vectors: Vectors): void;
  failed(error: unknown): void;
}

/** Milliseconds that a call may take. */
const deadline = 250;
/** Rows of one call that several questions share; a question with as many has a call to itself. */
const rowsPerCall = 100;

/**
 * Asks feature for vectors: the questions that come while a call runs share the next one, and those of one call are answered as
 * of one instant, which is that of the call. One call for a few rows and one for many run at a time: no small question waits for a
 * large one, and a feature service that is behind is not asked for more at once.
 */
export class VectorLookups {
  /** Questions that wait, by lane; there is an entry while a call runs. */
  private readonly waiting = new Map<string, Waiting[]>();

  constructor(private readonly deps: { features: feature.FeatureServiceClient; clock: Pick<Clock, 'now'>; elapsed(): number }) {}

  /**
   * @param limit milliseconds that the caller can wait
   * Errors: those of feature; `deadline_exceeded` when the time was over before its turn came.
   */
  fetch(featureSet: string, rows: readonly FieldValues[], { limit, signal }: { limit: number; signal: AbortSignal }): Promise<Vectors> {
    // Who cannot wait for a call that another began asks at once.
    if (limit < 1.5 * deadline) return this.ask(featureSet, rows, Math.min(limit, deadline), signal);
    return new Promise((done, failed) => {
      const one = { rows, until: this.deps.elapsed() + limit, signal, cause: currentContext(), again: false, done, failed };
      const lane = `${rows.length >= rowsPerCall ? 'many' : 'few'} ${featureSet}`;
      const waiting = this.waiting.get(lane);
      if (waiting !== undefined) waiting.push(one);
      else void this.drain(lane, featureSet, [one]);
    });
  }

  private async drain(lane: string, featureSet: string, waiting: Waiting[]): Promise<void> {
    this.waiting.set(lane, waiting);
    while (waiting.length > 0) {
      const group = this.take(waiting);
      if (group.length > 0) waiting.unshift(...(await this.settle(featureSet, group)));
    }
    this.waiting.delete(lane);
  }

  private take(waiting: Waiting[]): Waiting[] {
    let [count, rows] = [0, 0];
    while (count < waiting.length && (count === 0 || rows + waiting[count].rows.length <= rowsPerCall)) rows += waiting[count++].rows.length;
    return waiting.splice(0, count).filter((one) => {
      const wanted = !one.signal.aborted && this.deps.elapsed() < one.until;
      if (!wanted) one.failed(deadlineExceeded('The time was over before the features were asked for.'));
      return wanted;
    });
  }

  /**
   * Answers a group; returns the questions that are to be asked once more, since there is time left. One that feature refuses
   * must not fail those that happened to come with it: the group is halved until it stands alone.
   */
  private async settle(featureSet: string, group: Waiting[]): Promise<Waiting[]> {
    try {
      const rows = group.flatMap((one) => one.rows);
      const { vectors, ...rest } = await inGroup('look vectors up', group.map(({ cause }) => cause), () => this.ask(featureSet, rows, deadline));
      let from = 0;
      for (const one of group) one.done({ ...rest, vectors: vectors.slice(from, (from += one.rows.length)) });
      return [];
    } catch (error) {
      const code = error instanceof RheiError ? error.code : 'internal';
      if (group.length > 1 && (code === 'invalid' || code === 'rejected')) {
        const half = Math.ceil(group.length / 2);
        return [...(await this.settle(featureSet, group.slice(0, half))), ...(await this.settle(featureSet, group.slice(half)))];
      }
      const more = group.filter((one) => code === 'deadline_exceeded' && !one.again && this.deps.elapsed() + deadline < one.until);
      for (const one of group) if (!more.includes(one)) one.failed(error);
      return more.map((one) => ({ ...one, again: true }));
    }
  }

  private async ask(featureSet: string, rows: readonly FieldValues[], limit: number, signal?: AbortSignal): Promise<Vectors> {
    const asOf = this.deps.clock.now();
    const { version, vectors } = await call(this.deps.features, 'getFeatures', { featureSet, version: 0, asOf, rows: rows.map((fields) => ({ fieldsJson: JSON.stringify(fields) })) }, { deadline: limit, ...(signal && { signal }) });
    return { asOf, version, vectors };
  }
}
