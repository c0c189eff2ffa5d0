import type { training } from '@rhei/contracts';
import { digestOf } from '@rhei/expressions';
import { annotate, type Transaction } from '@rhei/runtime';
import { artifactProblem } from './artifact';
import type { Deps } from './deps';
import { summaryOf } from './profile-summary';
import { isObject, readReport, type Report } from './report';
import { championDigest, register, withVersion, type Model, type Version } from './model';
import { insertVersion, lockModel, type Lineage } from './model.store';
import { promoteWithin } from './promote-model-version';

type Run = training.RunCompleted;

/**
 * Makes a completed run the next version of its model, or refuses it with the reason. A version that meets its gates and
 * needs no approval is champion when this returns. A run that is a version already changes nothing.
 */
export async function registerModelVersion({ blobs }: Pick<Deps, 'blobs'>, run: Run, tx: Transaction): Promise<void> {
  const model = await lockModel(tx, run.model);
  if (model.versions.some((version) => version.run === run.run)) return;
  const { kept, report, problem } = readRun(run);
  const reason = problem ?? (await artifactProblem(blobs, run.artifactDigest));
  const inputs = {
    run: run.run, artifact: run.artifactDigest, trainingSet: run.trainingSetDigest, code: run.codeDigest,
    featureSet: run.featureSet, featureSetVersion: run.featureSetVersion, author: run.author, cause: kept.cause ?? null,
  };
  if (reason !== undefined || report === undefined) {
    await tx.decide({ subject: `run/${run.run}`, action: 'refuse', by: 'registry', inputs, outcome: { reason } });
    return;
  }
  const version = register(model, {
    digest: run.artifactDigest, run: run.run, author: run.author, featureSet: run.featureSet, featureSetVersion: run.featureSetVersion, fitUntil: run.fitUntil,
  }, report, tx.now);
  await insertVersion(tx, model.name, version, kept);
  annotate(() => ({ 'rhei.model.version': version.version }));
  await tx.decide({
    subject: `model/${model.name}/${version.version}`, action: 'register', by: 'registry',
    inputs: { ...inputs, signature: digestOf(kept.signature), parameters: digestOf(kept.parameters) }, outcome: { version: version.version, digest: version.digest },
  });
  await tx.emit('ModelVersionRegistered', model.name, {
    model: model.name, version: version.version, digest: version.digest, run: version.run, author: version.author, registeredAt: version.registeredAt,
    featureSet: version.featureSet, featureSetVersion: version.featureSetVersion, causeJson: run.causeJson, reportJson: run.reportJson, profile: run.profile, asOf: run.asOf,
  });
  await recordGates(tx, model, version);
  if (version.state !== 'registered') return;
  const registered = withVersion(model, version);
  await promoteWithin(tx, registered, registered, { version: version.version, by: 'registry', expectedRevision: 0 });
}

const recordGates = (tx: Transaction, model: Model, version: Version): Promise<void> =>
  tx.decide({
    subject: `model/${model.name}/${version.version}`, action: 'gate', by: 'registry',
    inputs: { champion: championDigest(model), gates: version.gates.map(({ gate, inputs }) => ({ gate, inputs })) },
    outcome: { state: version.state, unmet: version.gates.filter(({ passed }) => !passed).map(({ gate, reason }) => ({ gate, reason })) },
  });

/** What the run brings, read, and the first thing that it lacks. */
export function readRun(run: Run): { kept: Lineage; report?: Report; problem?: string } {
  const kept: Lineage = {
    cause: objectIn(run.causeJson), report: objectIn(run.reportJson), signature: objectIn(run.signatureJson), example: valueIn(run.exampleJson),
    card: objectIn(run.cardJson) ?? {}, parameters: objectIn(run.parametersJson) ?? {}, trainingSetDigest: run.trainingSetDigest, codeDigest: run.codeDigest,
    asOf: run.asOf, profile: run.profile === undefined ? null : summaryOf(run.profile),
  };
  const report = readReport(kept.report);
  return { kept, report, problem: lack(run, kept, report) };
}

function lack(run: Run, kept: Lineage, report: Report | undefined): string | undefined {
  const says = (what: string, expected: string): string => `Run ${run.run} cannot become a version of model "${run.model}": it has no ${what}; expected ${expected}. Register a run that brings it.`;
  if (!isObject(kept.signature) || Object.keys(kept.signature).length === 0) return says('signature', 'a JSON object that names inputs and outputs');
  if (typeof kept.example !== 'object' || kept.example === null) return says('example', 'the JSON of one request that the model can answer');
  if (run.artifactDigest === '') return says('artifact', 'the SHA-256 of an ONNX file in the blob store');
  if (!run.profile || run.profile.to <= run.profile.from || run.profile.series.length === 0) return says('reference profile', 'histograms of at least one series over a period');
  if (report === undefined) return says('report', 'a JSON object with the metrics of "challenger"');
  if (!isObject(kept.cause)) return says('cause', 'a JSON object with kind, id and reason');
  return undefined;
}

const objectIn = (json: string): Record<string, unknown> | undefined => {
  const value = valueIn(json);
  return isObject(value) ? value : undefined;
};
function valueIn(json: string): unknown {
  try {
    return json === '' ? undefined : (JSON.parse(json) as unknown);
  } catch {
    return undefined;
  }
}
