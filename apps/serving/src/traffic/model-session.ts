import { invalid, RheiError } from '@rhei/contracts';
import { readModel, vetModel } from '@rhei/onnx';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { Blobs } from '@rhei/runtime';

/** A loaded model that scores rows of float32 features; one thread, so that a row's score does not depend on its batch. */
export class ModelSession {
  private constructor(readonly digest: string, readonly features: readonly string[], private readonly session: InferenceSession) {}

  /** Fetched, digest verified, vetted, loaded and warmed up. Errors: `not_found`, `invalid` for a file that must not be served. */
  static async load(blobs: Blobs, digest: string): Promise<ModelSession> {
    const bytes = await blobs.get(digest);
    vetModel(bytes);
    const { features } = readModel(bytes);
    if (features === undefined) throw invalid(`Model ${digest} does not name its features.`, { expected: 'their names, in order, in the metadata of the file' });
    const session = await InferenceSession.create(bytes, { intraOpNumThreads: 1, interOpNumThreads: 1, executionMode: 'sequential', logSeverityLevel: 3 });
    const model = new ModelSession(digest, features, session);
    try {
      await model.warmUp();
    } catch (error) {
      await model.release();
      throw error;
    }
    return model;
  }

  /** Probabilities of rows given as one flat array, row by row; NaN is missing. Errors: what the runtime says; `internal` when one is no number. */
  async score(rows: Float32Array): Promise<Float32Array> {
    const width = this.features.length;
    const result = await this.session.run({ features: new Tensor('float32', rows, [rows.length / width, width]) });
    const scores = result.probability.data as Float32Array;
    for (let row = 0; row < scores.length; row += 1) {
      if (!Number.isFinite(scores[row])) throw new RheiError('internal', `Model ${this.digest} gives ${scores[row]} for row ${row}.`);
    }
    return scores;
  }

  private async warmUp(): Promise<void> {
    const row = this.features.map((_, index) => (index % 3 === 0 ? NaN : index));
    const [alone] = await this.score(Float32Array.from(row));
    const together = await this.score(Float32Array.from(Array.from({ length: 7 }, () => row).flat()));
    if (!Number.isFinite(alone) || alone < 0 || alone > 1 || together.some((score) => score !== alone)) {
      throw new RheiError('invalid', `Model ${this.digest} does not warm up: one row alone gives ${alone}, among seven ${together.join(', ')}.`);
    }
  }

  async release(): Promise<void> {
    await this.session.release();
  }
}
