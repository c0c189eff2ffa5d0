import { conflict, notFound } from '@rhei/contracts';
import { annotate, currentTraceparent, type Transaction } from '@rhei/runtime';
import type { Deps } from './deps';
import { readsOf } from './feature-set-spec';
import { findFeatureSet, type KnownFeatureSet } from './known.store';
import type { Plan } from './plan';
import { countRun, lockPlan, openRunOf } from './plan.store';
import { runId, type Cause, type Run } from './run';
import { insertRun, runNamed, runOfRequest } from './run.store';

export interface StartRun {
  plan: string;
  reason: string;
  /** The same id starts one run; empty: every call starts one. */
  requestId: string;
  /** Fits also where an earlier run had the same inputs. */
  noCache: boolean;
  by: string;
}

/**
 * Starts a run because a person wants it.
 * Errors: `not_found` for the plan or its feature set, `conflict` (`RUN_OPEN`) while a run of the plan is open.
 */
export async function startRun(deps: Deps, { plan: name, reason, requestId, noCache, by }: StartRun): Promise<Run> {
  return deps.database.transaction(async (tx) => {
    const plan = await lockPlan(tx, name);
    const known = requestId === '' ? undefined : await runOfRequest(tx, name, requestId);
    if (known) return known;
    const open = await openRunOf(tx, name);
    if (open !== undefined) {
      throw conflict(`Run ${open} of plan "${name}" is open; expected none. Wait until it has ended, or cancel it.`, {
        reason: 'RUN_OPEN', field: 'plan', expected: 'a plan without an open run', got: `run ${open}`, hint: `Wait until run ${open} has ended, or cancel it.`,
      });
    }
    const set = await findFeatureSet(tx, plan.spec.featureSet);
    if (!set) throw unknownSet(plan);
    return beginWaiting(deps, tx, plan, set, { cause: { kind: 'person', id: by, reason }, by, inputs: { reason, ...(noCache && { noCache }) }, noCache, ...(requestId === '' ? {} : { requestId }) });
  });
}

export const unknownSet = ({ name, spec }: Plan): Error =>
  notFound(`Plan "${name}" reads feature set "${spec.featureSet}", which was not applied. Apply a resource of kind FeatureSet with this name first.`, {
    field: 'plan', expected: 'a plan whose feature set was applied', got: spec.featureSet, hint: 'Apply a resource of kind FeatureSet with this name first.',
  });

/** Makes the run, records why, and wakes the supervisor once that is committed. The plan is locked and has no open run. */
export async function beginWaiting(
  deps: Deps, tx: Transaction, plan: Plan, set: KnownFeatureSet, start: { cause: Cause; by: string; inputs: unknown; requestId?: string; noCache?: boolean },
): Promise<Run> {
  const number = plan.runs + 1;
  const { cause, by, inputs, requestId, noCache = false } = start;
  const id = runId(plan.name, number, tx.now, cause);
  await insertRun(tx, {
    id, plan: plan.name, model: plan.spec.model, featureSet: set.name, featureSetVersion: set.version, reads: readsOf(set.features, set.spec), spec: plan.spec,
    state: 'waiting', asOf: tx.now, cause, by, build: 'unasked', trainingSet: '', manifestDigest: '', trainingSetDigest: '', progress: 0, phase: '', noCache, deaths: 0, seconds: 0,
    artifactDigest: '', failure: '', traceparent: currentTraceparent(), ...(requestId === undefined ? {} : { requestId }),
  }, number);
  await countRun(tx, plan.name);
  annotate(() => ({ 'rhei.run.id': id, 'rhei.model.name': plan.spec.model }));
  await tx.decide({ subject: `plan/${plan.name}`, action: 'start-run', by, inputs, outcome: { run: id, cause } });
  tx.afterCommit(() => deps.wake());
  return runNamed(tx, id);
}
