import { formatDuration } from '@rhei/expressions';
import { isObject, numbers, readReport } from '../report';
import { at, dataOf, featuresOf, numberOf, objectOf, textOf, textsOf, type Facts } from './facts';

export interface Period { from: string | null; to: string | null; rows: number | null }

/** What is known about the rows that a version learned from. Instants are RFC 3339; null and absent: not known here. */
export interface DataSheet {
  sheet: 'rhei.data-sheet.v1';
  model: string;
  version: number;
  trainingSet: string;
  featureSet: { name: string; version: number };
  run: string;
  /** The instant whose knowledge the set holds. */
  asOf: string | null;
  rows: number | null;
  fit: Period;
  holdout: Period;
  windowsFullFrom: string | null;
  sources: string[];
  arrivalBasis: { observed: number; declared: number } | null;
  leftOut: number | null;
  corrected: number | null;
  withdrawn: number | null;
  /** `window`: null for one since ever; `ttl`: null where values do not expire. */
  views: { name: string; version: number | null; window: string | null; ttl: string | null }[];
  /** `missing`: share of the training set's rows. */
  features: { name: string; missing: number | null }[];
  /** Values of the reference profile, over its own period; `missing` is a share of them. */
  profile: { from: string | null; to: string | null; bucket: string; series: { name: string; origin: string; kind: string; values: number; missing: number | null }[] } | null;
  leaks: unknown;
  missing: string[];
}

/** Describes the training set of a version from what its run handed on. The same facts give the same sheet. */
export function dataSheetOf(facts: Facts): DataSheet {
  const { version } = facts;
  const data = dataOf(facts);
  const report = readReport(version.report);
  const sheet: Omit<DataSheet, 'missing'> = {
    sheet: 'rhei.data-sheet.v1', model: facts.model.name, version: version.version, trainingSet: version.trainingSetDigest,
    featureSet: { name: version.featureSet, version: version.featureSetVersion }, run: version.run,
    asOf: at(version.asOf) ?? textOf(data.asOf) ?? null, rows: numberOf(data.rows) ?? null,
    fit: periodOf(report?.fit), holdout: periodOf(report?.holdout), windowsFullFrom: textOf(data.windowsFullFrom) ?? null,
    sources: textsOf(data.sources).sort(), arrivalBasis: basisIn(data.arrivalBasis),
    leftOut: numberOf(data.leftOut) ?? null, corrected: numberOf(data.corrected) ?? null, withdrawn: numberOf(data.withdrawn) ?? null,
    views: viewsIn(data.views), features: featureRates(facts, data), profile: profileOf(facts), leaks: objectOf(version.report).leaks ?? null,
  };
  return { ...sheet, missing: missingIn(sheet) };
}

function periodOf(part: Record<string, number> | undefined): Period {
  return { from: at(part?.from), to: at(part?.to), rows: part?.rows ?? null };
}

function basisIn(value: unknown): DataSheet['arrivalBasis'] {
  const { observed, declared } = numbers(value);
  return observed === undefined || declared === undefined ? null : { observed, declared };
}

function viewsIn(value: unknown): DataSheet['views'] {
  if (!Array.isArray(value)) return [];
  return value.filter(isObject).map((view) => ({
    name: textOf(view.name) ?? '', version: numberOf(view.version) ?? null,
    window: typeof view.window === 'number' ? formatDuration(view.window) : null, ttl: textOf(view.ttl) ?? null,
  })).filter(({ name }) => name !== '').sort((a, b) => (a.name < b.name ? -1 : 1));
}

function featureRates(facts: Facts, data: Record<string, unknown>): DataSheet['features'] {
  const rates = new Map(Array.isArray(data.features) ? data.features.filter(isObject).map(({ name, missing }) => [textOf(name) ?? '', numberOf(missing)] as const) : []);
  return featuresOf(facts).map((name) => ({ name, missing: rates.get(name) ?? null }));
}

function profileOf({ version: { profile } }: Facts): DataSheet['profile'] {
  if (profile === null) return null;
  return {
    from: at(profile.from), to: at(profile.to), bucket: formatDuration(profile.bucket),
    series: profile.series.map(({ missing, ...series }) => ({ ...series, missing: series.values === 0 ? null : missing / series.values })),
  };
}

function missingIn(sheet: Omit<DataSheet, 'missing'>): string[] {
  const absent: [boolean, string][] = [
    [sheet.asOf === null, 'the instant whose knowledge the set holds'],
    [sheet.rows === null, 'how many rows the set has'],
    [sheet.fit.from === null || sheet.holdout.from === null, 'the period of the rows that fitted and of those that were held out'],
    [sheet.sources.length === 0, 'the sources of its records'],
    [sheet.arrivalBasis === null, 'the share of records whose arrival was declared and not observed'],
    [sheet.leftOut === null, 'how many examples could not be read and were left out'],
    [sheet.corrected === null, 'how many of its records are corrections'],
    [sheet.withdrawn === null, 'how many of its facts were withdrawn'],
    [sheet.features.length === 0, 'the names of its features'],
    [sheet.features.some(({ missing }) => missing === null), 'how often each feature is missing'],
    [sheet.profile === null, 'the distribution of its values'],
    [sheet.leaks === null, 'a search for leaks'],
  ];
  return [
    ...absent.filter(([is]) => is).map(([, what]) => what),
    // No service measures these; a reader must not take their absence for an answer.
    'whether the rows are representative of those that the model will meet', 'consent and licence of the upstream data', 'personal data among the fields',
  ];
}
