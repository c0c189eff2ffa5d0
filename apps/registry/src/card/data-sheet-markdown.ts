import type { DataSheet, Period } from './data-sheet';
import { rowsOf } from './free-tables';
import { code, figure, list, percent, plain, section, table } from './markdown';

const unknown = 'not stated';

/** The sheet as a page. The same sheet gives the same bytes. */
export function dataSheetMarkdown(sheet: DataSheet): string {
  const { profile } = sheet;
  return `${[
    `# Data sheet of ${plain(sheet.model)} ${sheet.version}`,
    list([
      `Training set: ${code(sheet.trainingSet)}`, `Feature set: ${plain(sheet.featureSet.name)}, version ${sheet.featureSet.version}`, `Run: ${code(sheet.run)}`,
      `As of: ${sheet.asOf ?? unknown}`, `Rows: ${sheet.rows ?? unknown}`,
    ]),
    section('Period', unknown, table([{ name: 'Rows that' }, { name: 'From' }, { name: 'To' }, { name: 'Rows', right: true }], [
      ['fitted the model', ...cellsOf(sheet.fit)], ['were held out to judge it', ...cellsOf(sheet.holdout)],
    ]), sheet.windowsFullFrom === null ? '' : `The windows of all features were full from ${sheet.windowsFullFrom}.`),
    section('Where the rows come from', unknown, list([
      `Sources: ${sheet.sources.length === 0 ? unknown : sheet.sources.map(plain).join(', ')}`,
      `Arrival: ${sheet.arrivalBasis === null ? unknown : `observed ${percent(sheet.arrivalBasis.observed)}, declared in a backfill ${percent(sheet.arrivalBasis.declared)}`}`,
      `Left out, because they could not be read: ${sheet.leftOut ?? unknown}`,
      `Corrections among them: ${sheet.corrected ?? unknown}`, `Withdrawn: ${sheet.withdrawn ?? unknown}`,
    ])),
    section('Features', unknown, table([{ name: 'Feature' }, { name: 'Missing', right: true }], sheet.features.map(({ name, missing }) => [plain(name), percent(missing ?? undefined)])),
      table([{ name: 'View' }, { name: 'Version', right: true }, { name: 'Window' }, { name: 'Valid for' }], sheet.views.map(({ name, version, window, ttl }) => [plain(name), figure(version ?? undefined), window ?? 'since ever', ttl ?? 'ever']))),
    section('Values of the reference period', unknown, profile === null ? '' : `From ${profile.from} to ${profile.to}, in buckets of ${profile.bucket}.`,
      table([{ name: 'Series' }, { name: 'Origin' }, { name: 'Kind' }, { name: 'Values', right: true }, { name: 'Missing', right: true }],
        (profile?.series ?? []).map(({ name, origin, kind, values, missing }) => [plain(name), origin, kind, String(values), percent(missing ?? undefined)]))),
    section('Leaks', sheet.leaks === null ? 'not searched for' : 'none found', rowsOf(sheet.leaks)),
    section('Not measured or not stated', 'nothing', list(sheet.missing.map(plain))),
  ].join('\n\n')}\n`;
}

const cellsOf = ({ from, to, rows }: Period): string[] => [from ?? unknown, to ?? unknown, rows === null ? unknown : String(rows)];
