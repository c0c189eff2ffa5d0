import type { registry } from '@rhei/contracts';
import { ask, type Doors } from './doors';
import type { TimelineEntry } from './timeline';

export interface VersionRow {
  model: string;
  version: number;
  digest: string;
  state: string;
  reason: string;
  metrics: unknown;
  gates: { gate: string; passed: boolean; reason: string }[];
  /** When it began to answer for the first time, and ended to for the last. */
  liveFrom: string | null;
  liveTo: string | null;
  /** Each time in which it was what answered; null: to the end. */
  live: [from: string, to: string | null][];
}

/** All versions of all models with what became of them, by model and number. */
export async function versionsOf(doors: Doors, timeline: TimelineEntry[]): Promise<VersionRow[]> {
  const { models } = await ask(doors, doors.registry, doors.registry.listModels, {});
  const lists = await Promise.all(models.map(({ name }) => ask(doors, doors.registry, doors.registry.listVersions, { model: name })));
  const versions = lists.flatMap((list) => list.versions).sort((a, b) => (a.model < b.model ? -1 : a.model > b.model ? 1 : a.version - b.version));
  return versions.map((one) => rowOf(one, timeline));
}

function rowOf({ model, version, digest, state, causeJson, reportJson, gates }: registry.ModelVersion, timeline: TimelineEntry[]): VersionRow {
  // Whatever is tried beside it, `version` of a shift is the one that is live from then on.
  const shifts = timeline.filter(({ service, action, details }) => service === 'serving' && action === 'shift-traffic' && details.model === model);
  const moves = shifts.filter(({ details }, index) => index === 0 || details.version !== shifts[index - 1].details.version);
  const live = moves.flatMap(({ asOf, details }, index): VersionRow['live'] => (details.version === version ? [[asOf, moves[index + 1]?.asOf ?? null]] : []));
  const cause = JSON.parse(causeJson || '{}') as { kind?: string; reason?: string };
  const report = JSON.parse(reportJson || '{}') as { challenger?: unknown };
  return {
    model, version, digest, state, reason: `${cause.kind ?? 'unknown'}: ${cause.reason ?? ''}`, metrics: report.challenger ?? null,
    gates: gates.map(({ gate, passed, reason }) => ({ gate, passed, reason })),
    liveFrom: live.at(0)?.[0] ?? null, liveTo: live.at(-1)?.[1] ?? null, live,
  };
}
