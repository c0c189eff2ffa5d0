import { serviceNames, type monitoring, type registry, type runtime, type ServiceName } from '@rhei/contracts';
import { canonicalJson, compile, ExpressionError, sha256 } from '@rhei/expressions';
import { readDecisions, verifyAll } from '../decisions';
import { restExample } from './ask-predictions';
import { ask, type Doors } from './doors';
import type { Plan } from './plan';
import type { Story } from './story';
import { timelineOf, type TimelineEntry } from './timeline';

export interface Report {
  story: string;
  plan: string;
  rows: number;
  shuffledDays: boolean;
  counts: Record<'sent' | 'accepted' | 'duplicates' | 'conflicts' | 'malformed' | 'quarantined' | 'predictions' | 'labelled', number>;
  digests: Record<'accepted' | 'decisions' | 'predictions' | 'trainingSets' | 'models', string>;
  versions: VersionRow[];
  /** Versions that a detected change caused, and that went live. */
  retrainings: number;
  windows: { tested: number; alarms: number; declined: number };
  performance: monitoring.Performance[];
  coverage: number | null;
  deadLetters: number;
  parked: number;
  auditVerified: boolean;
  timeline: TimelineEntry[];
  /** A question of the story in the REST form, for somebody who wants to ask one. */
  example: { deployment: string; inputs: { name: string; datatype: string; shape: number[]; data: unknown[] }[] } | null;
  seconds: { total: number; perStep: number; perRecord: number; by: Record<string, number>; byService: Record<string, number> };
  /** Proportional memory of the platform's process tree, where it could be measured. */
  memoryBytes: number | null;
  /** The story's expectations that are false. */
  unmet: string[];
}

export interface VersionRow {
  version: number;
  digest: string;
  model: string;
  state: string;
  reason: string;
  metrics: unknown;
  liveFrom: string | null;
  liveTo: string | null;
}

export interface Measured {
  seconds: number;
  by: Record<string, number>;
  byService: Record<string, number>;
  shuffle: boolean;
  deadLetters: number;
  parked: number;
}

/** Gathers what the story did from the services' own records, through their public doors. */
export async function makeReport(doors: Doors, story: Story, plan: Plan, measured: Measured): Promise<Report> {
  const summaries = await Promise.all(serviceNames.map((service) => ask(doors, doors.operations, doors.operations.getSummary, { service })));
  const of = (service: ServiceName): runtime.GetSummaryResponse => summaries[serviceNames.indexOf(service)];
  const decisions = await readDecisions((request) => ask(doors, doors.operations, doors.operations.listDecisions, request));
  const { monitors } = await ask(doors, doors.monitoring, doors.monitoring.listMonitors, {});
  const windows = (await Promise.all(monitors.map(({ name }) => ask(doors, doors.monitoring, doors.monitoring.listWindows, { monitor: name })))).flatMap((answer) => answer.windows);
  const performance = (await Promise.all(monitors.map(({ name }) => ask(doors, doors.monitoring, doors.monitoring.getPerformance, { monitor: name })))).flatMap((answer) => answer.rows);
  const timeline = timelineOf(decisions);
  const versions = versionRows(await listVersions(doors), timeline);
  const asked = performance.reduce((sum, { predictions }) => sum + predictions, 0);
  const labelled = performance.reduce((sum, row) => sum + row.labelled, 0);
  const { sent, duplicates, conflicts, malformed } = plan.counts;
  const report: Report = {
    story: story.name, plan: plan.digest, rows: plan.counts.rows, shuffledDays: measured.shuffle,
    counts: {
      sent, duplicates, conflicts, malformed,
      accepted: of('ingestion').counts.accepted ?? 0, quarantined: of('ingestion').counts.quarantined ?? 0,
      predictions: of('serving').counts.predictions ?? 0, labelled,
    },
    digests: {
      accepted: of('ingestion').digests.accepted ?? '', trainingSets: of('feature').digests.trainingSets ?? '',
      models: of('training').digests.models ?? '', predictions: of('serving').digests.predictions ?? '', decisions: digestDecisions(decisions),
    },
    versions,
    retrainings: versions.filter(({ reason, liveFrom }) => reason.startsWith('drift') && liveFrom !== null).length,
    windows: {
      tested: windows.filter(({ tests }) => tests.length > 0).length,
      alarms: windows.filter(({ alarm }) => alarm).length,
      declined: windows.filter(({ retraining }) => retraining === 'declined').length,
    },
    performance,
    coverage: asked === 0 ? null : labelled / asked,
    deadLetters: measured.deadLetters, parked: measured.parked,
    auditVerified: verifyAll(decisions).every(({ fault }) => fault === undefined),
    timeline,
    example: await exampleRequest(doors, story, plan),
    seconds: {
      total: measured.seconds, perStep: measured.seconds / Math.max(1, plan.steps.length), perRecord: measured.seconds / Math.max(1, sent), by: measured.by, byService: measured.byService,
    },
    memoryBytes: null,
    unmet: [],
  };
  return { ...report, unmet: unmetExpectations(story, report) };
}

async function exampleRequest(doors: Doors, { spec }: Story, plan: Plan): Promise<Report['example']> {
  const last = plan.steps.findLast(({ asks }) => asks.length > 0)?.asks.at(-1);
  return spec.ask === undefined || last === undefined ? null : restExample(doors, spec.ask.deployment, last);
}

async function listVersions(doors: Doors): Promise<registry.ModelVersion[]> {
  const { models } = await ask(doors, doors.registry, doors.registry.listModels, {});
  const lists = await Promise.all(models.map(({ name }) => ask(doors, doors.registry, doors.registry.listVersions, { model: name })));
  return lists.flatMap(({ versions }) => versions).sort((a, b) => (a.model < b.model ? -1 : a.model > b.model ? 1 : a.version - b.version));
}

function versionRows(versions: registry.ModelVersion[], timeline: TimelineEntry[]): VersionRow[] {
  return versions.map(({ model, version, digest, state, causeJson, reportJson }) => {
    const shifts = timeline.filter(({ action, details }) => action === 'shift-traffic' && details.model === model);
    const at = shifts.findIndex(({ details }) => details.version === version);
    const cause = JSON.parse(causeJson || '{}') as { kind?: string; reason?: string };
    const report = JSON.parse(reportJson || '{}') as { challenger?: unknown };
    return {
      model, version, digest, state, reason: `${cause.kind ?? 'unknown'}: ${cause.reason ?? ''}`, metrics: report.challenger ?? null,
      liveFrom: at < 0 ? null : shifts[at].asOf, liveTo: at < 0 ? null : (shifts[at + 1]?.asOf ?? null),
    };
  });
}

/** SHA-256 over every decision of the six services by (as-of, service, subject, action), one line of canonical JSON each. */
export function digestDecisions(byService: Map<ServiceName, runtime.Decision[]>): string {
  const rows = [...byService].flatMap(([service, decisions]) =>
    decisions.map(({ asOf, subject, action, inputsDigest, outcomeJson }) => ({ asOf, service, subject, action, inputs: inputsDigest, outcome: JSON.parse(outcomeJson) as unknown })));
  const lines = rows.map((row) => ({ row, line: canonicalJson(row) }));
  lines.sort((a, b) => a.row.asOf - b.row.asOf || compare(a.row.service, b.row.service) || compare(a.row.subject, b.row.subject) || compare(a.row.action, b.row.action) || compare(a.line, b.line));
  return sha256(lines.map(({ line }) => `${line}\n`).join(''));
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function unmetExpectations({ spec: { expect } }: Story, report: Report): string[] {
  return expect.flatMap((rule) => {
    try {
      return compile(rule, { variables: { report: 'dyn' }, returns: 'bool' }).evaluate({ report }) === true ? [] : [rule];
    } catch (error) {
      if (error instanceof ExpressionError) return [`${rule} (${error.message})`];
      throw error;
    }
  });
}

