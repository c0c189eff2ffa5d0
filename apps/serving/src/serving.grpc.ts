import { inference, invalid, serving } from '@rhei/contracts';
import { formatInstant } from '@rhei/expressions';
import type { Call, Role, Rpc } from '@rhei/runtime';
import { describeModel } from './deployment/describe-model';
import type { Deps } from './deps';
import { listDeployments } from './deployment/list-deployments';
import { asMessage, unknownPrediction } from './prediction/ledger.store';
import { predict, type Answer } from './prediction/predict';
import { replayPrediction } from './prediction/replay-prediction';
import { rollBackTraffic } from './traffic/roll-back-traffic';
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
      listDeployments: { roles: readers, deadline: query, handle: async (): Promise<serving.ListDeploymentsResponse> => ({ deployments: await listDeployments(deps) }) },
      getPrediction: { roles: readers, deadline: query, handle: ({ id }: serving.GetPredictionRequest) => getPrediction(deps, id) },
      listPredictions: { roles: readers, deadline: query, handle: (request: serving.ListPredictionsRequest) => listPredictions(deps, request) },
      replayPrediction: { roles: readers, deadline: 5_000, handle: (request: serving.ReplayPredictionRequest, call: Call) => replayPrediction(deps, request, call) },
      rollback: {
        roles: ['operator', 'admin'], deadline: query,
        handle: async (request: serving.RollbackRequest, { principal }: Call): Promise<serving.RollbackResponse> => {
          const { plan, left } = await rollBackTraffic(deps, { ...request, by: principal.name });
          return { revision: plan.revision, version: left.version, live: plan.live.version };
        },
      },
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

/**
 * What an answer says beside its tensors: its as-of time in microseconds, the features that had no value, by row, the versions of
 * rows that not all had the same, why the declared answer was given, and for how long a crash may still take it from the ledger.
 */
export function parametersOf({ asOf, rows, lossWindow }: Answer): Record<string, string | number> {
  const missing = rows.flatMap(({ features }, row) => features.filter(({ value }) => value === undefined || value === null).map(({ name, freshness }) => ({ row, name, why: freshness === 2 ? 'expired' : 'missing' })));
  const [{ version, role, reason }] = rows;
  return {
    as_of: asOf, ...(missing.length > 0 && { missing_features: JSON.stringify(missing) }),
    ...(rows.some((row) => row.version !== version) && { versions: JSON.stringify(rows.map((row) => row.version)) }),
    ...(role === 'fallback' && { fallback: reason }), ...(lossWindow !== undefined && { ledger_loss_window: lossWindow }),
  };
}

async function getPrediction({ ledger }: Deps, id: string): Promise<serving.GetPredictionResponse> {
  const rows = await ledger.all(id);
  if (rows.length === 0) throw unknownPrediction(id);
  const [first, ...beside] = rows;
  return { deployment: first.deployment, model: first.model, prediction: asMessage(first), beside: beside.map(asMessage) };
}

const roles = ['live', 'canary', 'shadow', 'fallback', 'named', 'failed'];
const [usualLimit, largestLimit] = [50, 1_000];

async function listPredictions({ ledger }: Deps, { deployment, from, to, role, limit }: serving.ListPredictionsRequest): Promise<serving.ListPredictionsResponse> {
  if (role !== '' && !roles.includes(role)) throw invalid(`There is no role "${role.slice(0, 50)}".`, { field: 'role', expected: roles.join(', '), got: role.slice(0, 50), hint: 'without a role all that were answered are listed' });
  if (limit < 0 || limit > largestLimit) throw invalid(`A list has 1 to ${largestLimit} predictions.`, { field: 'limit', expected: `1 to ${largestLimit}`, got: String(limit), hint: 'for more, end the next list where this one began' });
  if (to !== 0 && to <= from) throw invalid('The time ends before it begins.', { field: 'to', expected: 'an instant after "from"', got: formatInstant(to), hint: 'instants are microseconds; 0 is no bound' });
  const rows = await ledger.list({ deployment, from, to, role, limit: limit || usualLimit });
  return { predictions: rows.map((row) => ({ deployment: row.deployment, model: row.model, prediction: asMessage(row) })) };
}
