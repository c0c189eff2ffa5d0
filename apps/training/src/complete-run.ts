import { canonicalJson } from '@rhei/expressions';
import type { Transaction } from '@rhei/runtime';
import { cardFromCache } from './card-from-cache';
import type { FitRecord, FitReport, FitResult } from './fit/task';
import type { Run } from './run';
import { runNamed, saveEnd } from './run.store';

/** What a run ends with: fitted by its process, or taken from an earlier run. */
interface Completion {
  artifactDigest: string;
  report: FitReport;
  record: FitRecord;
  inputsDigest: string;
  cachedFrom?: string;
}

/** Ends a run with the model that its process fitted. The run is locked; its artifact is in the blob store. */
export async function completeRun(tx: Transaction, run: Run, artifactDigest: string, result: FitResult, seconds: number): Promise<void> {
  const { artifact: _, report, inputsDigest, rowsDigest: __, ...record } = result;
  await complete(tx, run, { artifactDigest, report, record, inputsDigest }, seconds);
}

/**
 * Ends a run with what an earlier one brought, since everything that it rests on is the same. Its card says what is true of its
 * own training set, whose `origin` its manifest states, and which run made the file. The run is locked.
 */
export async function completeFromCache(tx: Transaction, run: Run, { from, inputsDigest, origin }: { from: string; inputsDigest: string; origin: Record<string, unknown> }, seconds: number): Promise<void> {
  const { report, record, artifactDigest, asOf } = await runNamed(tx, from);
  const card = cardFromCache(record!.card, { asOf: run.asOf, origin }, { run: from, asOf });
  await complete(tx, run, { artifactDigest, report: report!, record: { ...record!, card }, inputsDigest, cachedFrom: from }, seconds);
}

/** Keeps the end, and says so with everything that a registry must know. */
async function complete(tx: Transaction, run: Run, { artifactDigest, report, record, inputsDigest, cachedFrom }: Completion, seconds: number): Promise<void> {
  const told = cachedFrom === undefined ? report : { ...report, cachedFrom };
  await saveEnd(tx, run.id, { state: 'succeeded', report: told, record, artifactDigest, inputsDigest, ...(cachedFrom !== undefined && { cachedFrom }), at: tx.now, seconds });
  for (const { column, kind, evidence, overridden, reason } of report.leaks) {
    if (overridden) await tx.decide({ subject: `run/${run.id}`, action: 'override-leak', by: 'training', inputs: { plan: run.plan, column, kind, evidence }, outcome: { reason } });
  }
  await tx.decide({
    subject: `run/${run.id}`, action: 'complete-run', by: 'training',
    inputs: { plan: run.plan, trainingSet: run.trainingSetDigest, code: record.codeDigest, parameters: record.parameters, champion: run.champion?.digest ?? null },
    outcome: { artifact: artifactDigest, improved: report.improved, text: inWords(told), ...(cachedFrom !== undefined && { cachedFrom }) },
  });
  await tx.emit('RunCompleted', run.model, {
    run: run.id, plan: run.plan, model: run.model, featureSet: run.featureSet, featureSetVersion: run.featureSetVersion, asOf: run.asOf,
    causeJson: canonicalJson(run.cause), author: run.by, artifactDigest, artifactSize: record.artifactSize, trainingSetDigest: run.trainingSetDigest, codeDigest: record.codeDigest,
    parametersJson: canonicalJson(record.parameters), signatureJson: canonicalJson(record.signature), exampleJson: canonicalJson(record.example),
    reportJson: canonicalJson(told), cardJson: canonicalJson(record.card), profile: record.profile, fitUntil: record.fitUntil,
  });
}

/** What came of a run, in a sentence: how well it did against each other, and which it did not beat. */
export function inWords(report: FitReport): string {
  const { challenger, champion, linear, baseRate, holdout, improved, stopped, cachedFrom } = report;
  const loss = ({ logLoss }: { logLoss: number }): string => logLoss.toFixed(4);
  const against = champion === undefined ? '' : `, champion ${'unable' in champion ? `not scored: ${champion.unable}` : loss(champion)}`;
  return [
    `log loss ${loss(challenger)} on ${holdout.rows} later rows (base rate ${loss(baseRate)}, linear ${loss(linear)}${against})`,
    ...(improved ? [] : [`it did not beat the ${report.unbeaten.join(' or the ')}`]),
    ...(stopped === undefined ? [] : [`${stopped.round} of ${stopped.of} trees were best on the latest rows that fit`]),
    ...(cachedFrom === undefined ? [] : [`cached from ${cachedFrom}: same training set, code, parameters and champion`]),
  ].join('; ');
}
