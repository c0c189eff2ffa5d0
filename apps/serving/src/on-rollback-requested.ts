import { shared } from '@rhei/runtime';
import type { Deps } from './deps';
import { goBack } from './traffic/go-back';

/** Goes back from a version that made the answers worse, once per request; one that is neither live nor tried any more is left alone, on record. */
export const onRollbackRequested = shared('RollbackRequested', async (deps: Deps, { payload }, tx) => {
  const { id, deployment: name, monitor, model, version, digest, reason, evidenceJson } = payload;
  const fresh = await tx.query('INSERT INTO rollback_request (id, taken_at) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING 1', [id, tx.now]);
  if (fresh.length === 0) return;
  const deployment = await deps.deployments.hold(tx, name);
  const inputs = { monitor, evidence: evidenceJson === '' ? null : (JSON.parse(evidenceJson) as unknown) };
  if (deployment?.model === model && (await goBack(deps, tx, deployment, { leaving: { version, digest }, by: 'monitor', reason, inputs })) !== undefined) return;
  await tx.decide({
    subject: `deployment/${name}`, action: 'ignore-rollback', by: 'serving', inputs: { model, version, digest, reason, ...inputs },
    outcome: { reason: `version ${version} of ${model} is not tried in deployment ${name}, nor live with a version before it` },
  });
});
