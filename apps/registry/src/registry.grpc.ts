import { registry } from '@rhei/contracts';
import { canonicalJson } from '@rhei/expressions';
import { readers, type Call, type Rpc } from '@rhei/runtime';
import { approveModelVersion } from './approve-model-version';
import type { Deps } from './deps';
import { listChampions, listModels, listVersions, unknownModel, type KeptVersion } from './model.store';
import { promoteModelVersion } from './promote-model-version';
import { rejectModelVersion } from './reject-model-version';

const deadline = 2_000;

/** The registry's gRPC door. */
export const registryRpc = (deps: Deps): Rpc => ({
  definition: registry.RegistryServiceService,
  methods: {
    listModels: { roles: readers, deadline, handle: async (): Promise<registry.ListModelsResponse> => ({
      models: (await listModels(deps.database)).map(({ name, spec, champion, revision }) => ({ name, owner: spec.owner, purpose: spec.purpose, riskTier: spec.riskTier, champion, revision })),
    }) },
    listVersions: { roles: readers, deadline, handle: async ({ model }: registry.ListVersionsRequest): Promise<registry.ListVersionsResponse> => {
      const versions = await listVersions(deps.database, model);
      if (versions.length === 0 && model !== '' && !(await listModels(deps.database)).some(({ name }) => name === model)) throw unknownModel(model);
      return { versions: versions.map(toMessage) };
    } },
    listPendingApprovals: { roles: readers, deadline, handle: async (): Promise<registry.ListPendingApprovalsResponse> => ({
      versions: (await listVersions(deps.database, '', 'awaiting_approval')).map(toMessage),
    }) },
    approveVersion: { roles: ['approver', 'admin'], deadline, handle: async (request: registry.ApproveVersionRequest, call: Call): Promise<registry.ApproveVersionResponse> => {
      await approveModelVersion(deps, { model: request.model, version: request.version, digest: request.digest, reason: request.comment, by: call.principal.name });
      return { version: await one(deps, request) };
    } },
    rejectVersion: { roles: ['approver', 'admin'], deadline, handle: async (request: registry.RejectVersionRequest, call: Call): Promise<registry.RejectVersionResponse> => {
      await rejectModelVersion(deps, { model: request.model, version: request.version, digest: request.digest, reason: request.reason, by: call.principal.name });
      return { version: await one(deps, request) };
    } },
    promoteVersion: { roles: ['developer', 'operator', 'admin'], deadline, handle: async (request: registry.PromoteVersionRequest, call: Call): Promise<registry.PromoteVersionResponse> => {
      const { model, version, expectedRevision } = request;
      const { revision } = await promoteModelVersion(deps, { model, version, expectedRevision, by: call.principal.name });
      return { version: await one(deps, request), revision };
    } },
    listChampions: { roles: [...readers, 'service'], deadline, handle: async (): Promise<registry.ListChampionsResponse> => ({ champions: await listChampions(deps.database) }) },
  },
});

const one = async ({ database }: Deps, { model, version }: { model: string; version: number }): Promise<registry.ModelVersion> =>
  toMessage((await listVersions(database, model))[version - 1]);

export const toMessage = (v: KeptVersion): registry.ModelVersion => ({
  model: v.model, version: v.version, digest: v.digest, run: v.run, author: v.author, state: v.state,
  gates: v.gates.map(({ gate, passed, inputs, reason }) => ({ gate, passed, inputsJson: canonicalJson(inputs), reason })),
  approvedBy: v.approvedBy, rejectedBy: v.rejectedBy, reason: v.reason, registeredAt: v.registeredAt, promotedAt: v.promotedAt,
  causeJson: canonicalJson(v.cause), reportJson: canonicalJson(v.report), signatureJson: canonicalJson(v.signature), trainingSetDigest: v.trainingSetDigest,
});
