import { canonicalJson } from '@rhei/expressions';
import type { Transaction } from '@rhei/runtime';
import type { FitReport, FitResult } from './fit/task';
import type { Run } from './run';
import { saveEnd } from './run.store';

/** Ends a run with its model, and says so with everything that a registry must know. The run is locked; its artifact is in the blob store. */
export async function completeRun(tx: Transaction, run: Run, artifactDigest: string, result: FitResult, seconds: number): Promise<void> {
  const { report, profile, codeDigest, fitUntil } = result;
  await saveEnd(tx, run.id, { state: 'succeeded', report, artifactDigest, at: tx.now, seconds });
  await tx.decide({
    subject: `run/${run.id}`, action: 'complete-run', by: 'training',
    inputs: { plan: run.plan, trainingSet: run.trainingSetDigest, code: codeDigest, parameters: result.parameters, champion: run.champion?.digest ?? null },
    outcome: { artifact: artifactDigest, improved: report.improved, text: inWords(report) },
  });
  await tx.emit('RunCompleted', run.model, {
    run: run.id, plan: run.plan, model: run.model, featureSet: run.featureSet, featureSetVersion: run.featureSetVersion, asOf: run.asOf,
    causeJson: canonicalJson(run.cause), author: run.by, artifactDigest, artifactSize: result.artifact.length, trainingSetDigest: run.trainingSetDigest, codeDigest,
    parametersJson: canonicalJson(result.parameters), signatureJson: canonicalJson(result.signature), exampleJson: canonicalJson(result.example),
    reportJson: canonicalJson(report), cardJson: canonicalJson(result.card), profile, fitUntil,
  });
}

function inWords({ challenger, champion, baseRate, holdout, improved }: FitReport): string {
  const loss = ({ logLoss }: { logLoss: number }): string => logLoss.toFixed(4);
  const against = champion === undefined ? '' : `, champion ${'unable' in champion ? `not scored: ${champion.unable}` : loss(champion)}`;
  const other = champion === undefined || 'unable' in champion ? 'base rate' : 'champion';
  return `log loss ${loss(challenger)} on ${holdout.rows} later rows (base rate ${loss(baseRate)}${against})${improved ? '' : `; it did not beat the ${other}`}`;
}
