import { inference, notFound, serving } from '@rhei/contracts';
import type { Call, Role, Rpc } from '@rhei/runtime';
import { describeModel } from './deployment/describe-model';
import type { Deps } from './deps';
import { predict, type Answer } from './prediction/predict';
import { checkOutputs, rawFloats, tensorsOfRequest } from './prediction/tensors';

const application: Role[] = ['application', 'developer', 'operator', 'admin'];
const readers: Role[] = ['developer', 'approver', 'operator', 'auditor', 'admin', 'service'];
const query = 2_000;

/** The Open Inference Protocol v2 and serving's own questions. */
export const servingRpc = (deps: Deps): Rpc[] => [
  {
    definition: inference.GRPCInferenceServiceService,
    methods: {
      serverLive: { roles: 'anyone', deadline: query, handle: async () => ({ live: true }) },
      serverReady: { roles: 'anyone', deadline: query, handle: async () => ({ ready: deps.listing.ready }) },
      serverMetadata: { roles: [...application, 'auditor'], deadline: query, handle: async () => serverMetadata },
      modelReady: { roles: [...application, 'auditor'], deadline: query, handle: async ({ name, version }: inference.ModelReadyRequest) => ({ ready: describeModel(deps, name, version).ready }) },
      modelMetadata: {
        roles: [...application, 'auditor'], deadline: query,
        handle: async ({ name, version }: inference.ModelMetadataRequest) => describeModel(deps, name, version).metadata,
      },
      modelInfer: { roles: ['application', 'admin'], deadline: 1_000, handle: (request: inference.ModelInferRequest, call: Call) => infer(deps, request, call) },
    },
  },
  {
    definition: serving.ServingServiceService,
    methods: {
      listDeployments: { roles: readers, deadline: query, handle: async () => ({ deployments: await listDeployments(deps) }) },
      getPrediction: { roles: readers, deadline: query, handle: ({ id }: serving.GetPredictionRequest) => getPrediction(deps, id) },
    },
  },
];

export const serverMetadata = { name: 'rhei', version: '0.1.0', extensions: [] as string[] };

async function infer(deps: Deps, request: inference.ModelInferRequest, call: Call): Promise<inference.ModelInferResponse> {
  checkOutputs(request.outputs.map(({ name }) => name));
  const answer = await predict(deps, { deployment: request.modelName, version: request.modelVersion, id: request.id, tensors: tensorsOfRequest(request) }, call);
  const scores = answer.rows.map(({ outputs }) => outputs.probability);
  return {
    modelName: request.modelName, modelVersion: String(answer.version), id: answer.id,
    parameters: Object.fromEntries(Object.entries(parametersOf(answer)).map(([name, value]) => [name, parameter(value)])),
    outputs: [{ name: 'probability', datatype: 'FP32', shape: [scores.length], parameters: {}, contents: undefined }],
    // Clients of the field read the raw form only.
    rawOutputContents: [Buffer.from(rawFloats(scores))],
  };
}

const parameter = (value: string | number): inference.InferParameter =>
  ({ parameterChoice: typeof value === 'string' ? { $case: 'stringParam', value } : { $case: 'int64Param', value } });

/** What an answer says beside its tensors: its as-of time in microseconds, and the features that had no value, by row. */
export function parametersOf({ asOf, rows }: Answer): Record<string, string | number> {
  const missing = rows.flatMap(({ features }, row) => features.filter(({ value }) => value === undefined || value === null).map(({ name, freshness }) => ({ row, name, why: freshness === 2 ? 'expired' : 'missing' })));
  return { as_of: asOf, ...(missing.length === 0 ? {} : { missing_features: JSON.stringify(missing) }) };
}

async function listDeployments(deps: Deps): Promise<serving.Deployment[]> {
  const [list, champions, shifts, applied, counts] = await Promise.all([
    deps.deployments.list(), deps.deployments.champions(), deps.switches.shifts(), deps.switches.applied(), deps.ledger.countByDeployment(),
  ]);
  return list.map(({ name, model, featureSet, ledger }) => {
    const shift = shifts.find(({ deployment }) => deployment === name);
    return {
      name, model, featureSet, ledger, liveVersion: shift?.version ?? 0, liveDigest: shift?.digest ?? '', liveSince: shift?.shiftedAt ?? 0,
      desiredRevision: champions.find((champion) => champion.model === model)?.revision ?? 0, appliedRevision: applied.get(name) ?? 0,
      predictions: counts.get(name) ?? 0,
    };
  });
}

async function getPrediction(deps: Deps, id: string): Promise<serving.GetPredictionResponse> {
  const [row] = await deps.ledger.find([id]);
  if (row === undefined) throw notFound(`There is no prediction "${id}".`);
  return {
    deployment: row.deployment, model: row.model,
    prediction: {
      id: row.id, version: row.version, role: row.role, digest: row.digest, example: row.example, exampleTime: row.exampleTime, asOf: row.asOf,
      requestJson: JSON.stringify(row.request), features: row.features, outputs: row.outputs, traffic: 0, reason: '', error: '',
    },
  };
}
