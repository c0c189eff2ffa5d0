import { feature } from '@rhei/contracts';
import { canonicalJson, digestOf, sha256, type Instant } from '@rhei/expressions';
import { openBlobs, service, type Service } from '@rhei/runtime';
import { z } from 'zod';
import { makeTrainingSet, type MakeSet } from './fit/training-set.fixture';

/** A feature service that builds what a test hands to it: it answers "building" until then. */
export class FeatureDouble {
  readonly asked: feature.BuildTrainingSetRequest[] = [];
  private readonly built = new Map<string, feature.BuildTrainingSetResponse>();

  constructor(private readonly blobs: string) {}

  readonly module: Service = service({
    name: 'feature', config: z.object({}), migrations: [], deps: () => ({}),
    rpc: () => [{
      // What training asks for; the rest of the door is nobody's here.
      definition: { getFeatures: feature.FeatureServiceService.getFeatures, buildTrainingSet: feature.FeatureServiceService.buildTrainingSet },
      methods: {
        getFeatures: { roles: ['service'], deadline: 1_000, handle: async () => ({ featureSet: '', version: 0, vectors: [] }) },
        buildTrainingSet: { roles: ['service:training'], deadline: 1_000, handle: async (request: feature.BuildTrainingSetRequest) => {
          this.asked.push(request);
          const id = idOf(request.featureSet, request.asOf);
          return this.built.get(id) ?? { id, state: feature.BuildState.BUILDING, manifestDigest: '', manifestJson: '', error: '' };
        } },
      },
    }],
  });

  /** From now on the set of this as-of is built; returns the event that says so. */
  async build(featureSet: string, asOf: Instant, make: MakeSet & { leftOut?: number }): Promise<feature.TrainingSetBuilt> {
    const blobs = await openBlobs(this.blobs);
    const { file, rows, from, rowsDigest } = await makeTrainingSet(make);
    const { leftOut } = make;
    const id = idOf(featureSet, asOf);
    const manifestJson = canonicalJson({
      id, featureSet, version: 1, asOf, rows, filledFrom: from, digests: { rows: rowsDigest, schema: sha256('schema'), parquet: await blobs.put(file) }, ...(leftOut !== undefined && { leftOut }),
    });
    const manifestDigest = await blobs.put(Buffer.from(manifestJson));
    this.built.set(id, { id, state: feature.BuildState.BUILT, manifestDigest, manifestJson, error: '' });
    return { id, featureSet, asOf, manifestDigest, manifestJson, error: '' };
  }

  fail(featureSet: string, asOf: Instant, error: string): feature.TrainingSetBuilt {
    const id = idOf(featureSet, asOf);
    this.built.set(id, { id, state: feature.BuildState.FAILED, manifestDigest: '', manifestJson: '', error });
    return { id, featureSet, asOf, manifestDigest: '', manifestJson: '', error };
  }
}

const idOf = (featureSet: string, asOf: Instant): string => digestOf({ featureSet, asOf });
