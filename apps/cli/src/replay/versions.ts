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
  const [first, last] = [shifts.findIndex(({ details }) => details.version === version), shifts.findLastIndex(({ details }) => details.version === version)];
  const cause = JSON.parse(causeJson || '{}') as { kind?: string; reason?: string };
  const report = JSON.parse(reportJson || '{}') as { challenger?: unknown };
  return {
    model, version, digest, state, reason: `${cause.kind ?? 'unknown'}: ${cause.reason ?? ''}`, metrics: report.challenger ?? null,
    gates: gates.map(({ gate, passed, reason }) => ({ gate, passed, reason })),
    liveFrom: first < 0 ? null : shifts[first].asOf, liveTo: last < 0 ? null : (shifts[last + 1]?.asOf ?? null),
  };
}
