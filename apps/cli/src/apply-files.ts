import { RheiError, runtime, serviceNames, type ServiceName } from '@rhei/contracts';
import { call } from './connect';
import { nearest } from './nearest';
import { FileProblems, readWithProblems, type FileProblem, type ResourceInFile } from './resource-files';

/** Every kind that a service of this platform owns, in the order of the loop. */
export const kinds = ['Source', 'FeatureView', 'FeatureSet', 'TrainingPlan', 'Model', 'Deployment', 'Monitor'];

export interface Applied {
  changes: runtime.Change[];
  /** False for a plan: nothing was written. */
  applied: boolean;
}

/** A bundle that every service has agreed to, and what applying it would change. */
export interface Planned {
  bundle: runtime.Resource[];
  changes: runtime.Change[];
}

/**
 * Gives the whole bundle to each service to check, and applies it, in the order of the loop, only when all agree.
 * Applying the same files again changes nothing. Errors: {@link FileProblems} with every fault and its place.
 */
export async function applyFiles(
  resources: runtime.ResourceServiceClient, paths: string[], token: string, options: { dryRun?: boolean } = {},
): Promise<Applied> {
  const planned = await planFiles(resources, paths, token);
  if (options.dryRun === true) return { changes: planned.changes, applied: false };
  return { changes: await applyPlanned(resources, planned, token), applied: true };
}

/** Reads the files and asks every service; nothing is written. Faults of the files and of their content are told together. */
export async function planFiles(resources: runtime.ResourceServiceClient, paths: string[], token: string): Promise<Planned> {
  const { resources: found, problems, doubtful } = readWithProblems(paths);
  if (found.length === 0 && problems.length === 0) {
    throw new RheiError('invalid', `There is no resource in ${paths.join(', ')}.`, { hint: 'a resource has apiVersion: rhei/v1, kind, metadata and spec; a folder is read without the folders in it' });
  }
  for (const { kind, name, locate } of found.filter((resource) => !kinds.includes(resource.kind))) {
    const meant = nearest(kind, kinds);
    problems.push({ at: locate('/kind'), message: `no service knows the kind "${kind}"`, expected: kinds.join(', '), got: kind, hint: meant === undefined ? undefined : `Did you mean ${meant}?` });
    doubtful.add(name);
  }
  const bundle = found.map(({ kind, name, specJson }) => ({ kind, name, specJson, version: 0 }));
  const check = (service: ServiceName): Promise<runtime.CheckResourcesResponse> => call(resources, resources.checkResources, { service, resources: bundle }, { token });
  const checks = await Promise.all(serviceNames.map(check)).catch((error: unknown) => {
    // Faults of the files are worth telling even while nobody answers.
    if (problems.length > 0) throw new FileProblems(problems);
    throw error;
  });
  const judged = checks.flatMap((one) => one.problems).filter(({ got }) => !doubtful.has(got));
  problems.push(...judged.map((problem) => placed(problem, found)));
  if (problems.length > 0) throw new FileProblems(problems);
  return { bundle, changes: checks.flatMap(({ changes }) => changes) };
}

/** Applies a bundle service by service. Errors: the first refusal, saying what was applied before it. */
export async function applyPlanned(resources: runtime.ResourceServiceClient, { bundle }: Planned, token: string): Promise<runtime.Change[]> {
  const applied: runtime.Change[] = [];
  const done: ServiceName[] = [];
  for (const service of serviceNames) {
    try {
      applied.push(...(await call(resources, resources.applyResources, { service, resources: bundle }, { token })).changes);
      done.push(service);
    } catch (error) {
      if (!(error instanceof RheiError) || applied.every(({ action }) => action === runtime.Action.NONE)) throw error;
      throw new RheiError(error.code, `The ${service} service did not apply its part: ${error.message} Applied before: the parts of ${done.join(', ')}.`, {
        ...error.details, hint: error.details.hint ?? 'apply the same files again: what is applied stays as it is',
      });
    }
  }
  return applied;
}

function placed({ kind, name, path, message, expected, got, hint, offset }: runtime.Problem, found: ResourceInFile[]): FileProblem {
  const resource = found.find((one) => one.kind === kind && one.name === name);
  return { at: resource?.locate(path, offset) ?? `${kind}/${name}${path}`, message, expected, got, hint };
}
