import { calibrationError } from '@rhei/statistics';
import type { Report } from '../report';
import { minuteIn } from '../../minute';
import { signed, signedRange } from '../../signed';
import type { Compared } from '../outcome';
import { markdownTable, plain } from './markdown';
import { plotsOf, type PlotFile } from './report-plots';

export interface PageFile {
  name: string;
  text: string;
}

/**
 * The report as a page of Markdown with its plots beside it. The same story gives the same bytes: what was measured with a
 * watch stands in the report in JSON alone.
 */
export function reportPage(report: Report): PageFile[] {
  const plots = plotsOf(report);
  const sections = [
    `# ${plain(report.story)}: was it worth it?`, `**${report.worth.sentence}**`, inShort(report),
    worth(report, plots), calibration(report, plots), alarms(report, plots), versions(report), rollbacks(report), data(report), timeline(report), cost(report), digests(report),
  ];
  return [{ name: 'report.md', text: `${sections.filter((section) => section !== '').join('\n\n')}\n` }, ...plots.map(({ name, svg }) => ({ name, text: svg }))];
}

const image = (plots: PlotFile[], name: string): string => {
  const plot = plots.find((one) => one.name === name);
  return plot === undefined ? '' : `![${plot.title}](${name})`;
};
const paragraphs = (...parts: string[]): string => parts.filter((part) => part !== '').join('\n\n');
const at = (instant: string | null): string => (instant === null ? '' : minuteIn(instant));
const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
const interval = (range: [number, number] | null, digits?: number): string => (range === null ? '' : signedRange(...range, digits));

/** "1 window", "2 windows". */
const some = (count: number, thing: string): string => `${count} ${thing}${count === 1 ? '' : 's'}`;

function inShort({ story, rows, seed, period, shuffledDays, counts, coverage, alarms: alarmed, retrainings, rollbacks: back, quarantine, auditVerified, unmet }: Report): string {
  return paragraphs(
    `The story \`${story}\` with ${rows} rows (seed ${seed}), from ${at(period.from)} to ${at(period.to)} UTC${shuffledDays ? ', **its days shuffled: the control, in which nothing changes**' : ''}.`,
    [
      `- ${counts.sent} events were sent: ${counts.accepted} accepted, ${counts.duplicates} duplicates, ${counts.quarantined} quarantined (${quarantine.mended} of them mended)`,
      `- ${counts.predictions} predictions, ${counts.labelled} with a matured label${coverage === null ? '' : ` (coverage ${percent(coverage)})`}`,
      `- ${some(alarmed.length, 'window')} alarmed, ${some(retrainings, 'version')} that a change caused went live, ${some(back.length, 'rollback')}`,
      `- the audit log ${auditVerified ? 'verifies' : '**does not verify**'}`,
      ...unmet.map((rule) => `- **does not hold**: \`${rule}\``),
    ].join('\n'),
  );
}

function worth({ comparison, judged, promotions }: Report, plots: PlotFile[]): string {
  const row = (name: string, { rows, days, live, neverRetrained, difference, interval: range }: Compared): (string | number)[] =>
    [name, rows, days, live.logLoss.toFixed(4), neverRetrained.logLoss.toFixed(4), signed(difference), interval(range)];
  return paragraphs(
    '## Was training again worth it?',
    comparison === null ? 'No version scored the same predictions beside what was live, so there is nothing to compare.'
      : `What was live, whichever version that was, against version ${comparison.baseline}, which was never trained again: both on the same predictions, with matured labels, outside of what either had learnt from (${comparison.seen} predictions are left out for that; on ${comparison.same} of those that count version ${comparison.baseline} was itself what was live). Log loss in nats, less is better; the intervals are of 95 %, by resampling whole days.`,
    comparison === null ? '' : markdownTable(['month (UTC)', 'predictions:', 'days:', 'log loss, live:', 'log loss, never retrained:', 'difference:', 'interval:'],
      [...comparison.months.map((one) => row(one.month, one)), ...(comparison.overall === null ? [] : [row('all', comparison.overall)])]),
    image(plots, 'log-loss.svg'), image(plots, 'difference.svg'),
    judged.length === 0 ? '' : paragraphs(
      `Each promotion, against the version that it replaced. It helped or hurt where the whole 95 % interval lies on one side of zero: by chance alone in ${percent(promotions.error)} of the cases on either side. ${promotions.hurt} of ${promotions.judged} that had days enough for a verdict, and stayed until it, hurt; were no version worse, chance alone would find between ${promotions.interval[0]} and ${promotions.interval[1]} (95 %).`,
      markdownTable(['version', 'replaced', 'verdict', 'difference:', 'interval:', 'predictions:', 'judged (UTC)', 'why'],
        judged.map((one) => [`${plain(one.model)} v${one.version}`, `v${one.replaced}`, one.verdict, ...(one.rows === 0 ? ['', ''] : [signed(one.difference), interval(one.interval)]), one.rows, at(one.at), plain(one.reason)]))),
  );
}

const miscalibration = ({ live, neverRetrained }: Compared): string[] => [live, neverRetrained].map(({ calibration: bins }) =>
  calibrationError(bins.map(({ predicted, observed, rows }) => ({ predicted: predicted * rows, observed: observed * rows, rows }))).toFixed(4));

function calibration({ comparison }: Report, plots: PlotFile[]): string {
  if (!comparison?.overall) return '';
  return paragraphs('## Calibration', 'Mean distance between the probability that was said and the share in which it happened, over ten bins of about equally many predictions: the calibration error of the model cards.',
    markdownTable(['month', 'live:', 'never retrained:'], [...comparison.months.map((one) => [one.month, ...miscalibration(one)]), ['all', ...miscalibration(comparison.overall)]]),
    image(plots, 'calibration.svg'));
}

function alarms({ alarms: alarmed, falseAlarms, windows }: Report, plots: PlotFile[]): string {
  return paragraphs(
    '## Alarms',
    falseAlarms.length === 0 ? 'No window tested anything.'
      : [...falseAlarms.map(({ monitor, windows: tested, alarms: raised, budget, interval: [low, high] }) =>
        `${falseAlarms.length > 1 ? `Monitor ${plain(monitor)}: ` : ''}${raised} of ${some(tested, 'window')} that tested something alarmed. The budget is ${percent(budget)}: were nothing ever to change, chance alone would raise between ${low} and ${high} alarms (95 %).`),
      `After ${some(windows.declined, 'window')} a retraining was declined, with its reason below.`].join(' '),
    image(plots, 'alarms.svg'),
    alarmed.length === 0 ? '' : markdownTable(['monitor', 'window (UTC)', 'what changed', 'retraining', 'why'], alarmed.map(({ monitor, window: [from, to], tests, retraining, reason }) => [
      plain(monitor), `${at(from).slice(0, 10)} to ${at(to).slice(0, 10)}`,
      plain(tests.map(({ name, slice, measure, effect }) => `${name}${slice === '' ? '' : ` (${slice})`} ${measure === 'psi' || measure === '' ? 'PSI' : measure} ${effect.toFixed(3)}`).join(', ')), retraining, plain(reason),
    ])),
  );
}

function versions({ versions: rows }: Report): string {
  return paragraphs('## Versions and their gates', rows.length === 0 ? 'No version was registered.' : markdownTable(['version', 'why it was trained', 'gates', 'state', 'live (UTC)'], rows.map(({ model, version, reason, gates, state, live }) => [
    `${plain(model)} v${version}`, plain(reason),
    gates.every(({ passed }) => passed) ? `all ${gates.length} met` : gates.filter(({ passed }) => !passed).map(({ gate, reason: why }) => `**not met**: ${plain(gate)}${why === '' ? '' : ` (${plain(why)})`}`).join('; '),
    state.replaceAll('_', ' '), live.map(([from, to]) => `${at(from)} to ${to === null ? 'the end' : at(to)}`).join(', ') || 'never',
  ])));
}

function rollbacks({ rollbacks: back }: Report): string {
  return paragraphs('## Rollbacks', back.length === 0 ? 'There was none.' : markdownTable(['when (UTC)', 'deployment', 'version', 'went back to', 'by', 'why'],
    back.map(({ at: when, deployment, model, version, to, by, reason }) => [at(when), plain(deployment), `${plain(model)} v${version}`, to === 0 ? 'no version' : `v${to}`, plain(by), plain(reason)])));
}

function data({ planned, measured, quarantine }: Report): string {
  const codes = Object.entries(quarantine.byCode);
  return paragraphs(
    '## What went wrong on purpose, and what became of it',
    'Sent: as the story planned it. Found: what the platform tells of it; nothing where it makes no difference between this and other events.',
    markdownTable(['fault', 'sent:', 'found:', 'what became of it'], [
      ['duplicates', planned.duplicates, measured.duplicates, 'neither taken in again nor set aside'],
      ['corrections', planned.corrections, measured.revised, 'records that revise a fact, those that were mended among them; the newest revision counts from when it was known'],
      ['withdrawals', planned.withdrawals, measured.withdrawn, 'records that take a fact back; it counts no more'],
      ['broken contract, and malformed', planned.broken + planned.malformed, measured.rejected, 'contents quarantined as rejected'],
      ['conflicting content under a known id', planned.conflicts, measured.conflicts, 'contents quarantined as conflict'],
      ['late', planned.late, '', 'known from when they arrived'], ['poisoned', planned.poisoned, '', 'let pass by the contract, corrected later'],
    ]),
    `In quarantine: ${quarantine.total} different contents, ${quarantine.mended} mended${Object.entries(quarantine.mendedBy).map(([who, count]) => ` (${count} by ${plain(who)})`).join('')}, ${quarantine.open} open.`,
    codes.length === 0 ? '' : markdownTable(['code', 'quarantined:', 'mended:', 'open:'], codes.map(([code, { total, mended }]) => [code, total, mended, total - mended])),
  );
}

const timeline = ({ timeline: entries }: Report): string => paragraphs('## What happened, and why',
  entries.length === 0 ? 'Nothing was decided.' : markdownTable(['when (UTC)', 'what'], entries.map(({ asOf, text }) => [at(asOf), plain(text)])));

function cost({ cost: costs, runs, counts }: Report): string {
  return paragraphs('## What it cost',
    `${some(runs.length, 'run')}, ${some(counts.predictions, 'prediction')}.`,
    runs.length === 0 ? '' : markdownTable(['run', 'plan', 'as of (UTC)', 'by', 'why', 'came to'], runs.map(({ run, plan, asOf, by, reason, state, failure }) =>
      [`\`${run}\``, plain(plan), at(asOf), plain(by), plain(reason), `${state}${failure === '' ? '' : `: ${plain(failure)}`}`])),
    costs.length === 0 ? '' : markdownTable(['monitor', 'runs:', 'cost of runs:', 'alarms:', 'cost of alarms:', 'total:', 'unit'],
      costs.map(({ monitor, runs: count, ofRuns, alarms: raised, ofAlarms, total, unit }) => [plain(monitor), count, ofRuns, raised, ofAlarms, total, plain(unit)])),
    'Seconds by phase and by service stand in the report in JSON (`seconds`): they differ from one telling to the next.');
}

const digests = ({ digests: all, plan }: Report): string => paragraphs('## Digests', 'The same story and seed give these again, whatever was killed on the way.',
  markdownTable(['of', 'SHA-256'], [['plan', `\`${plan}\``], ...Object.entries(all).map(([name, digest]) => [name, `\`${digest}\``])]));
