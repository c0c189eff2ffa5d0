import { feature, invalid, notFound } from '@rhei/contracts';
import type { Instant } from '@rhei/runtime';
import type { Deps } from './deps';
import { checkEntity, entityValue, viewNamed } from './get-entity';
import { compareRevisions, type Fact, type Revision } from './record/fact';
import { factsOf } from './record/fact.store';
import { contentsAt, viewsWith, type Contents, type KeptEntry } from './view/entity.store';
import type { FeatureView } from './view/feature-view';
import { rowsAt } from './view/lookup.store';
import { compareEntries, countsAt, fromGrid, opening, type ValueRow } from './view/window';

const shown = 20;
const most = 1_000;

/**
 * The records that made a value, as known at `asOf` (0: now), the newest first: those that count in its window, and those
 * that a later revision has put out of it.
 * Errors: `not_found` for a view or an entity that nobody knows, `invalid` for a limit out of bounds.
 */
export async function getExplanation({ database, definitions, clock }: Pick<Deps, 'database' | 'definitions' | 'clock'>, request: feature.GetExplanationRequest): Promise<feature.GetExplanationResponse> {
  const { entity } = request;
  checkEntity(entity);
  if (request.limit < 0 || request.limit > most) throw invalid(`The request asks for ${request.limit} records.`, { field: 'limit', expected: `0 to ${most}`, got: `${request.limit}` });
  const view = viewNamed(await definitions.read(database), request.view);
  const { source, event } = view.spec;
  const asOf = request.asOf === 0 ? clock.now() : request.asOf;
  if (!(await viewsWith(database, entity, [view.name])).has(view.name)) {
    throw notFound(`View "${view.name}" has never had a record of entity "${entity}".`, { field: 'entity', expected: `a ${view.spec.entity} that a record was about`, got: entity, hint: `its key is ${view.spec.key}` });
  }
  const [row] = await rowsAt(database, [{ view: view.name, entity, at: asOf }]);
  const opens = opensAt(view, row);
  const contents = await contentsAt(database, view.name, entity, { opens, asOf, limit: request.limit === 0 ? shown : request.limit });
  const superseded = contents.entries.filter((entry) => !countsAt(entry, asOf));
  const facts = await factsOf(database, source, event, [...new Set(superseded.map(({ identity }) => identity))]);
  return {
    entity, asOf, value: entityValue(view, row, asOf), opens: opens === -Infinity ? 0 : opens,
    records: contents.entries.map((entry) => recordOf(view, entry, asOf, row, contents, facts)), counting: contents.counting, superseded: contents.superseded,
  };
}

/** The last value is made by records of the newest event time alone. */
function opensAt({ window }: FeatureView, row: ValueRow | undefined): Instant {
  if (row === undefined || row.n === 0) return -Infinity;
  return window.aggregate === 'last' ? row.eventTime - 1 : opening(window, row.eventTime);
}

function recordOf(view: FeatureView, entry: KeptEntry, asOf: Instant, row: ValueRow | undefined, contents: Contents, facts: readonly Fact[]): feature.ValueRecord {
  const { aggregate, digits } = view.window;
  const counts = countsAt(entry, asOf);
  const by = counts ? undefined : inPlaceOf(entry, asOf, facts);
  const { source, id, eventTime, arrival, knownAt, identity, revision } = entry;
  const standing = counts ? feature.RecordStanding.COUNTS : by?.withdrawn === true ? feature.RecordStanding.WITHDRAWN : feature.RecordStanding.SUPERSEDED;
  return {
    source, id, eventTime, arrival, knownAt, identity, revision, standing, supersededBy: by?.id ?? '', supersededAt: counts ? 0 : entry.until!,
    number: aggregate === 'count' || entry.item !== undefined ? numberIn(entry.item) : fromGrid(entry.scaled, 1, digits), text: textIn(entry.item),
    per: entry.below === undefined ? undefined : fromGrid(entry.below, 1, digits), part: counts ? partOf(view, entry, asOf, row!, contents) : undefined,
  };
}

/** The revision of its fact that stood highest at the instant. */
function inPlaceOf({ identity }: KeptEntry, asOf: Instant, facts: readonly Fact[]): Revision | undefined {
  const known = facts.find((fact) => fact.identity === identity)?.revisions.filter(({ knownAt }) => knownAt <= asOf) ?? [];
  return known.length === 0 ? undefined : known.reduce((highest, one) => (compareRevisions(one, highest) > 0 ? one : highest));
}

const numberIn = (item: string | undefined): number | undefined => (item === undefined || item.startsWith('"') ? undefined : Number(item));
const textIn = (item: string | undefined): string | undefined => (item?.startsWith('"') === true ? JSON.parse(item) as string : undefined);

/** What a record adds to the value, or the value where it decides it. */
function partOf({ window: { aggregate, digits } }: FeatureView, entry: KeptEntry, asOf: Instant, { n, value }: ValueRow, { entries, below }: Contents): number | undefined {
  const own = fromGrid(entry.scaled, 1, digits);
  switch (aggregate) {
    case 'count': return 1;
    case 'sum': return own;
    case 'avg': return fromGrid(entry.scaled, n, digits);
    case 'ratio': return below === 0n ? undefined : Number(entry.scaled) / Number(below);
    case 'min': case 'max': return own === value ? own : undefined;
    case 'last': return entries.some((other) => countsAt(other, asOf) && compareEntries(other, entry) > 0) ? undefined : own;
    case 'stddev': case 'distinct': return undefined;
  }
}
