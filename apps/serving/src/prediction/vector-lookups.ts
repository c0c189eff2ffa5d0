import { RheiError, type feature } from '@rhei/contracts';
import { call, currentContext, inGroup, type Clock, type Instant, type WorkContext } from '@rhei/runtime';
import type { FieldValues } from './request-fields';

/** Vectors in the order of the questions, and the instant as of which all of them are known. */
export interface Vectors extends Pick<feature.GetFeaturesResponse, 'version' | 'vectors'> {
  asOf: Instant;
}

interface Waiting {
  rows: readonly FieldValues[];
  cause: WorkContext | undefined;
  done(vectors: Vectors): void;
  failed(error: unknown): void;
}

/** Milliseconds that a call may take. */
const deadline = 250;
/** Rows of one call that several questions share; a question with as many goes by itself, so that no small one waits for it. */
const rowsPerCall = 100;

/**
 * Asks feature for vectors: the questions that come while a call runs share the next one. A question waits for one other call
 * at most, and those of one call are answered as of one instant, which is that of the call.
 */
export class VectorLookups {
  /** Questions that wait, by feature set; there is an entry while a call runs. */
  private readonly waiting = new Map<string, Waiting[]>();

  constructor(private readonly deps: { features: feature.FeatureServiceClient; clock: Pick<Clock, 'now'> }) {}

  /**
   * @param limit milliseconds that the caller can wait
   * Errors: those of feature.
   */
  fetch(featureSet: string, rows: readonly FieldValues[], { limit, signal }: { limit: number; signal: AbortSignal }): Promise<Vectors> {
    // Who cannot wait for a call that another began asks at once.
    if (limit < 1.5 * deadline || rows.length >= rowsPerCall) return this.ask(featureSet, rows, Math.min(limit, deadline), signal);
    return new Promise((done, failed) => {
      const one = { rows, cause: currentContext(), done, failed };
      const waiting = this.waiting.get(featureSet);
      if (waiting !== undefined) waiting.push(one);
      else void this.drain(featureSet, [one]);
    });
  }

  private async drain(featureSet: string, waiting: Waiting[]): Promise<void> {
    this.waiting.set(featureSet, waiting);
    while (waiting.length > 0) await this.settle(featureSet, take(waiting));
    this.waiting.delete(featureSet);
  }

  /** A question that feature refuses must not fail those that happened to come with it: the group is halved until it stands alone. */
  private async settle(featureSet: string, group: Waiting[]): Promise<void> {
    try {
      const rows = group.flatMap((one) => one.rows);
      const { vectors, ...rest } = await inGroup('look vectors up', group.map(({ cause }) => cause), () => this.ask(featureSet, rows, deadline));
      let from = 0;
      for (const one of group) one.done({ ...rest, vectors: vectors.slice(from, (from += one.rows.length)) });
    } catch (error) {
      if (group.length === 1 || !(error instanceof RheiError && (error.code === 'invalid' || error.code === 'rejected'))) return group.forEach(({ failed }) => failed(error));
      const half = Math.ceil(group.length / 2);
      await this.settle(featureSet, group.slice(0, half));
      await this.settle(featureSet, group.slice(half));
    }
  }

  private async ask(featureSet: string, rows: readonly FieldValues[], limit: number, signal?: AbortSignal): Promise<Vectors> {
    const asOf = this.deps.clock.now();
    const { version, vectors } = await call(this.deps.features, 'getFeatures', { featureSet, version: 0, asOf, rows: rows.map((fields) => ({ fieldsJson: JSON.stringify(fields) })) }, { deadline: limit, ...(signal && { signal }) });
    return { asOf, version, vectors };
  }
}

function take(waiting: Waiting[]): Waiting[] {
  let [count, rows] = [0, 0];
  while (count < waiting.length && (count === 0 || rows + waiting[count].rows.length <= rowsPerCall)) rows += waiting[count++].rows.length;
  return waiting.splice(0, count);
}
