import { registry } from '@rhei/contracts';
import { canonicalJson } from '@rhei/expressions';
import { readers, type Call, type Role, type Rpc } from '@rhei/runtime';
import { approveModelVersion } from './approve-model-version';
import type { Deps } from './deps';
import { deprecateModelVersion, restoreModelVersion } from './deprecate-model-version';
import { readHistories, type History } from './history.store';
import { listChampions, listModels, listVersions, unknownModel, type KeptVersion } from './model.store';
import { promoteModelVersion } from './promote-model-version';
import { readDataSheet, readModelCard } from './read-card';
import { rejectModelVersion } from './reject-model-version';

const deadline = 2_000;
const governors: Role[] = ['developer', 'operator', 'admin'];

/** The registry's gRPC door. */
export const registryRpc = (deps: Deps): Rpc => ({
  definition: registry.RegistryServiceService,
  methods: {
    listModels: { roles: readers, deadline, handle: async (): Promise<registry.ListModelsResponse> => ({
      models: (await listModels(deps.database)).map(({ name, spec, champion, revision, championSince, count, awaitingApproval }) => ({
        name, owner: spec.owner, purpose: spec.purpose, riskTier: spec.riskTier, approval: spec.approval, champion, revision, championSince, versions: count, awaitingApproval,
      })),
    }) },
    listVersions: { roles: readers, deadline, handle: async ({ model }: registry.ListVersionsRequest): Promise<registry.ListVersionsResponse> => {
      const versions = await listVersions(deps.database, model);
      if (versions.length === 0 && model !== '' && !(await listModels(deps.database)).some(({ name }) => name === model)) throw unknownModel(model);
      return { versions: await withHistories(deps, model, versions) };
    } },
    listPendingApprovals: { roles: readers, deadline, handle: async (): Promise<registry.ListPendingApprovalsResponse> => ({
      versions: await withHistories(deps, '', await listVersions(deps.database, '', 'awaiting_approval')),
    }) },
    approveVersion: { roles: ['approver', 'admin'], deadline, handle: async (request: registry.ApproveVersionRequest, call: Call): Promise<registry.ApproveVersionResponse> => {
      await approveModelVersion(deps, { model: request.model, version: request.version, digest: request.digest, reason: request.comment, by: call.principal.name });
      return { version: await one(deps, request) };
    } },
    rejectVersion: { roles: ['approver', 'admin'], deadline, handle: async (request: registry.RejectVersionRequest, call: Call): Promise<registry.RejectVersionResponse> => {
      await rejectModelVersion(deps, { model: request.model, version: request.version, digest: request.digest, reason: request.reason, by: call.principal.name });
      return { version: await one(deps, request) };
    } },
    promoteVersion: { roles: governors, deadline, handle: async (request: registry.PromoteVersionRequest, call: Call): Promise<registry.PromoteVersionResponse> => {
      const { revision } = await promoteModelVersion(deps, { ...request, by: call.principal.name });
      return { version: await one(deps, request), revision };
    } },
    listChampions: { roles: [...readers, 'service'], deadline, handle: async (): Promise<registry.ListChampionsResponse> => ({ champions: await listChampions(deps.database) }) },
    deprecateVersion: { roles: governors, deadline, handle: async (request: registry.DeprecateVersionRequest, call: Call): Promise<registry.DeprecateVersionResponse> => {
      await deprecateModelVersion(deps, { ...request, by: call.principal.name });
      return { version: await one(deps, request) };
    } },
    restoreVersion: { roles: governors, deadline, handle: async (request: registry.RestoreVersionRequest, call: Call): Promise<registry.RestoreVersionResponse> => {
      await restoreModelVersion(deps, { ...request, by: call.principal.name });
      return { version: await one(deps, request) };
    } },
    getModelCard: { roles: readers, deadline, handle: (request: registry.GetModelCardRequest): Promise<registry.GetModelCardResponse> => readModelCard(deps, request) },
    getDataSheet: { roles: readers, deadline, handle: (request: registry.GetDataSheetRequest): Promise<registry.GetDataSheetResponse> => readDataSheet(deps, request) },
  },
});

async function withHistories({ database }: Deps, model: string, versions: KeptVersion[]): Promise<registry.ModelVersion[]> {
  const histories = await readHistories(database, model);
  return versions.map((version) => toMessage(version, histories(version.model, version.version)));
}

async function one(deps: Deps, { model, version }: { model: string; version: number }): Promise<registry.ModelVersion> {
  return (await withHistories(deps, model, (await listVersions(deps.database, model)).slice(version - 1, version)))[0];
}

const toMessage = (v: KeptVersion, { judgements, live }: History): registry.ModelVersion => ({
  model: v.model, version: v.version, digest: v.digest, run: v.run, author: v.author, state: v.state,
  gates: v.gates.map(({ gate, rule, passed, inputs, reason }) => ({ gate, rule, passed, inputsJson: canonicalJson(inputs), reason })),
  approvedBy: v.approvedBy, rejectedBy: v.rejectedBy, reason: v.reason, registeredAt: v.registeredAt, promotedAt: v.promotedAt,
  causeJson: canonicalJson(v.cause), reportJson: canonicalJson(v.report), signatureJson: canonicalJson(v.signature), trainingSetDigest: v.trainingSetDigest,
  stateBy: v.brought.by, stateReason: v.brought.reason, stateAt: v.brought.at, judgements, live,
});
