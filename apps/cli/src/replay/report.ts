import { serviceNames, type runtime, type ServiceName } from '@rhei/contracts';
import { compile, ExpressionError, formatInstant } from '@rhei/expressions';
import { readDecisions, verifyAll } from '../decisions';
import { restExample } from './ask-predictions';
import { digestDecisions } from './digest-decisions';
import { ask, type Doors } from './doors';
import { outcomeOf, trialsIn, verdictOn, type Outcome, type Successors, type Trials, type Verdict } from './outcome';
import type { Plan, PlanCounts } from './plan';
import { quarantineOf, type Quarantine } from './quarantine';
import { rollbacksOf, type Rollback } from './rollbacks';
import type { Story } from './story';
import { runsOf, type RunRow } from './runs';
import { timelineOf, type TimelineEntry } from './timeline';
import { versionsOf, type VersionRow } from './versions';

export interface Report extends Outcome {
  story: string;
  plan: string;
  rows: number;
  seed: number;
  period: { from: string; to: string };
  shuffledDays: boolean;
  /** What the seeded plan foretold. */
  planned: PlanCounts;
  /** The same, but `accepted`, `quarantined`, `predictions` and `labelled` as the platform counts them. */
  counts: PlanCounts & Record<'predictions' | 'labelled', number>;
  /** Of what went wrong on purpose, what the platform tells: events that were neither taken in nor set aside, records that revise or take back, and contents in quarantine by why. */
  measured: Record<'duplicates' | 'revised' | 'withdrawn' | 'conflicts' | 'rejected', number>;
  /** Whether training again was worth it. */
  worth: { verdict: Verdict; sentence: string };
  rollbacks: Rollback[];
  promotions: Trials;
  quarantine: Quarantine;
  runs: RunRow[];
  digests: Record<'accepted' | 'decisions' | 'predictions' | 'trainingSets' | 'models', string>;
  versions: VersionRow[];
  /** Versions that a detected change caused, and that went live. */
  retrainings: number;
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
  const outcome = await outcomeOf(doors, story.spec.ask?.deployment);
  const timeline = timelineOf(decisions);
  const versions = await versionsOf(doors, timeline);
  const quarantine = await quarantineOf(doors);
  const rollbacks = rollbacksOf(timeline);
  const { accepted = 0, quarantined = 0, revised = 0, withdrawn = 0 } = of('ingestion').counts;
  const asked = outcome.performance.reduce((sum, { predictions }) => sum + predictions, 0);
  const labelled = outcome.performance.reduce((sum, row) => sum + row.labelled, 0);
  const report: Report = {
    story: story.name, plan: plan.digest, rows: plan.counts.rows, seed: story.spec.sample.seed,
    period: { from: formatInstant(story.spec.period.from), to: formatInstant(story.spec.period.to) }, shuffledDays: measured.shuffle,
    worth: verdictOn(outcome, successorsIn(versions, outcome.comparison?.model)),
    ...outcome,
    planned: plan.counts,
    counts: {
      ...plan.counts,
      accepted, quarantined, predictions: of('serving').counts.predictions ?? 0, labelled,
    },
    measured: {
      // Whatever else was sent was neither taken in nor set aside.
      duplicates: plan.counts.sent - accepted - quarantined, revised, withdrawn,
      conflicts: quarantine.byCode.conflict?.total ?? 0, rejected: quarantine.byCode.rejected?.total ?? 0,
    },
    digests: {
      accepted: of('ingestion').digests.accepted ?? '', trainingSets: of('feature').digests.trainingSets ?? '',
      models: of('training').digests.models ?? '', predictions: of('serving').digests.predictions ?? '', decisions: digestDecisions(decisions),
    },
    versions,
    retrainings: versions.filter(({ reason, liveFrom }) => reason.startsWith('drift') && liveFrom !== null).length,
    rollbacks, promotions: trialsIn(outcome.judged, rollbacks),
    quarantine,
    runs: await runsOf(doors),
    coverage: asked === 0 ? null : labelled / asked,
    deadLetters: measured.deadLetters, parked: measured.parked,
    auditVerified: verifyAll(decisions).every(({ fault }) => fault === undefined),
    timeline,
    example: await exampleRequest(doors, story, plan),
    seconds: {
      total: measured.seconds, perStep: measured.seconds / Math.max(1, plan.steps.length), perRecord: measured.seconds / Math.max(1, plan.counts.sent), by: measured.by, byService: measured.byService,
    },
    memoryBytes: null,
    unmet: [],
  };
  return { ...report, unmet: unmetExpectations(story, report) };
}

/** What came after the version of each model that answered first; of one model where it is named. */
export function successorsIn(versions: Pick<VersionRow, 'model' | 'version' | 'state' | 'liveFrom'>[], model?: string): Successors {
  const later = versions.filter((one) => {
    const first = versions.filter((other) => other.model === one.model && other.liveFrom !== null).sort((a, b) => (a.liveFrom! < b.liveFrom! ? -1 : 1)).at(0);
    return (model === undefined || one.model === model) && first !== undefined && one.version > first.version;
  });
  return { trained: later.length, refused: later.filter(({ state }) => state === 'gates_unmet').length, live: later.filter(({ liveFrom }) => liveFrom !== null).length };
}

async function exampleRequest(doors: Doors, { spec }: Story, plan: Plan): Promise<Report['example']> {
  const last = plan.steps.findLast(({ asks }) => asks.length > 0)?.asks.at(-1);
  return spec.ask === undefined || last === undefined ? null : restExample(doors, spec.ask.deployment, last);
}

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

