import { RheiError, runtime, serviceNames } from '@rhei/contracts';
import { call } from './connect';
import { FileProblems, readResourceFiles, type FileProblem, type ResourceInFile } from './resource-files';

export interface Applied {
  changes: runtime.Change[];
  /** False for a plan: nothing was written. */
  applied: boolean;
}

/**
 * Gives the whole bundle to each service to check, and applies it, in the order of the loop, only when all agree.
 * Applying the same files again changes nothing. Errors: {@link FileProblems} with every fault and its place.
 */
export async function applyFiles(
  resources: runtime.ResourceServiceClient, paths: string[], token: string, options: { dryRun?: boolean } = {},
): Promise<Applied> {
  const found = readResourceFiles(paths);
  if (found.length === 0) throw new RheiError('invalid', `There is no resource in ${paths.join(', ')}.`, { hint: 'a resource has apiVersion: rhei/v1, kind, metadata and spec' });
  const bundle = found.map(({ kind, name, specJson }) => ({ kind, name, specJson, version: 0 }));
  const checks = await Promise.all(serviceNames.map((service) => call(resources, resources.checkResources, { service, resources: bundle }, { token })));
  const problems = checks.flatMap((check) => check.problems.map((problem) => placed(problem, found)));
  const changes = checks.flatMap((check) => check.changes);
  const owned = new Set([...changes, ...checks.flatMap((check) => check.problems)].map(({ kind, name }) => `${kind}/${name}`));
  for (const resource of found) {
    if (!owned.has(`${resource.kind}/${resource.name}`)) problems.push({ at: resource.locate('/kind'), message: `no service knows the kind "${resource.kind}"`, expected: 'Source, FeatureView, FeatureSet, TrainingPlan, Model, Deployment or Monitor', got: resource.kind });
  }
  if (problems.length > 0) throw new FileProblems(problems);
  if (options.dryRun === true) return { changes, applied: false };
  const applied: runtime.Change[] = [];
  for (const service of serviceNames) {
    applied.push(...(await call(resources, resources.applyResources, { service, resources: bundle }, { token })).changes);
  }
  return { changes: applied, applied: true };
}

function placed({ kind, name, path, message, expected, got, hint, offset }: runtime.Problem, found: ResourceInFile[]): FileProblem {
  const resource = found.find((one) => one.kind === kind && one.name === name);
  return { at: resource?.locate(path, offset) ?? `${kind}/${name}${path}`, message, expected, got, hint };
}
