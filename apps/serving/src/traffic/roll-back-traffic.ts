import { conflict, invalid, notFound } from '@rhei/contracts';
import type { Deps } from '../deps';
import { goBack } from './go-back';
import type { Plan, Version } from './plan';

export interface RollBack {
  deployment: string;
  reason: string;
  /** The version that shall no longer answer or be tried; 0: the candidate or, without one, the live version. */
  version: number;
  /** A version that was live before; 0: the one just before. */
  to: number;
  by: string;
}

const longestReason = 500;

/**
 * A person takes a version out of the traffic of a deployment.
 * Errors: `invalid` without a reason, or for a `to` that was never live or beside a candidate that goes; `not_found`; `conflict` NOT_ANSWERING when the version
 * is neither live nor tried any more, NOTHING_BEFORE when there is nowhere to go.
 */
export async function rollBackTraffic(deps: Pick<Deps, 'database' | 'deployments' | 'plans'>, { deployment: name, reason, version, to, by }: RollBack): Promise<{ plan: Plan; left: Version }> {
  const { database, deployments, plans } = deps;
  if (reason.trim() === '') throw invalid('A rollback needs a reason.', { field: 'reason', expected: 'a text: it stays with the decision', got: 'nothing', hint: 'say what was wrong with the version' });
  if (reason.length > longestReason) throw invalid(`The reason has ${reason.length} characters.`, { field: 'reason', expected: `at most ${longestReason} characters`, got: `${reason.length} characters`, hint: 'say it in a sentence, and where the rest stands' });
  for (const [field, value] of Object.entries({ version, to })) if (value < 0) throw invalid(`"${field}" is ${value}.`, { field, expected: 'the number of a version, or 0', got: String(value), hint: '0 leaves the choice to the traffic as it is' });
  return database.transaction(async (tx) => {
    const deployment = await deployments.hold(tx, name);
    if (deployment === undefined) throw notFound(`There is no deployment "${name.slice(0, 100)}".`, { field: 'deployment', expected: 'the name of a deployment', got: name.slice(0, 100), hint: 'rhei get deployments lists them' });
    const { current } = await plans.current(tx, name, deployment.model);
    const plan = current?.plan.model === deployment.model ? current.plan : undefined;
    if (plan === undefined) throw conflict(`Deployment "${name}" has no live version.`, { reason: 'NOTHING_BEFORE', field: 'deployment', expected: 'a deployment that answers', got: name, hint: `promote a version of model "${deployment.model}"` });
    const answering = [plan.candidate, plan.live].filter((one): one is Version => one !== null);
    const leaving = version === 0 ? (to === 0 ? answering[0] : plan.live) : answering.find((one) => one.version === version);
    if (leaving === undefined) {
      throw conflict(`Version ${version} is neither live nor tried in deployment "${name}".`, { reason: 'NOT_ANSWERING', field: 'version', expected: answering.map((one) => one.version).join(' or '), got: String(version), hint: 'look again: the traffic may have moved meanwhile' });
    }
    if (to !== 0 && plan.candidate?.version === leaving.version) {
      throw invalid(`Version ${leaving.version} is only tried in deployment "${name}"; when it goes, version ${plan.live.version} goes on answering.`, { field: 'to', expected: `0: version ${plan.live.version} goes on answering`, got: String(to), hint: `to go back from the live version as well, roll back version ${plan.live.version}` });
    }
    const target = to === 0 ? undefined : await plans.wasLive(tx, plan, to);
    if (to !== 0 && (target === undefined || to === leaving.version)) {
      throw invalid(`Version ${to} was not live in deployment "${name}" before.`, { field: 'to', expected: plan.before === null ? 'a version that was live here' : `a version that was live here, such as ${plan.before.version}`, got: String(to), hint: 'promote a version that was never live here' });
    }
    const next = await goBack(deps, tx, deployment, { leaving, by, reason, inputs: {}, ...(target && { to: target }) });
    if (next === undefined) throw conflict(`No version was live in deployment "${name}" before version ${leaving.version}.`, { reason: 'NOTHING_BEFORE', field: 'deployment', expected: 'a version that was live before', got: `version ${leaving.version} alone`, hint: 'promote another version' });
    return { plan: next, left: leaving };
  });
}
