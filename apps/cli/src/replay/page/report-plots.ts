import type { monitoring } from '@rhei/contracts';
import { parseInstant } from '@rhei/expressions';
import { wilsonInterval } from '@rhei/statistics';
import type { Report } from '../report';
import { monthAxis, nameAxis, numberAxis } from './axis';
import { drawPlot, type Series } from './plot';

export interface PlotFile {
  name: string;
  title: string;
  svg: string;
}

const names = { live: 'what was live', never: 'never retrained' };
/** More lines than these cannot be told apart. */
const mostLines = 6;

/** The plots that a report has enough for. */
export function plotsOf(report: Report): PlotFile[] {
  return [lossPlot(report), differencePlot(report), calibrationPlot(report), alarmPlot(report)].filter((plot) => plot !== undefined);
}

function lossPlot({ comparison }: Report): PlotFile | undefined {
  if (comparison === null || comparison.months.length === 0) return undefined;
  const { months } = comparison;
  const series: Series[] = [
    { name: names.live, points: months.map(({ live }, x) => ({ x, y: live.logLoss })) },
    { name: names.never, points: months.map(({ neverRetrained }, x) => ({ x, y: neverRetrained.logLoss })) },
  ];
  const title = 'Log loss by month, on the same predictions';
  return {
    name: 'log-loss.svg', title,
    svg: drawPlot({
      title, description: `Less is better. ${months.map(({ month, live, neverRetrained }) => `${month}: live ${live.logLoss.toFixed(4)}, never retrained ${neverRetrained.logLoss.toFixed(4)}`).join('; ')}.`,
      x: nameAxis('month (UTC)', months.map(({ month }) => month)), y: numberAxis('log loss (nats)', series.flatMap(({ points }) => points.map(({ y }) => y))), series,
    }),
  };
}

function differencePlot({ comparison }: Report): PlotFile | undefined {
  if (comparison === null || comparison.months.length === 0) return undefined;
  const { months } = comparison;
  const points = months.map(({ difference, interval }, x) => ({ x, y: difference, ...(interval !== null && { low: interval[0], high: interval[1] }) }));
  const x = nameAxis('month (UTC)', months.map(({ month }) => month));
  const title = 'What training again changed, by month';
  return {
    name: 'difference.svg', title,
    svg: drawPlot({
      title, description: `Log loss of what was live less that of the version that was never retrained. Below zero what was live was better. Whiskers: 95 % intervals over blocks of days. ${months.map(({ month, difference }) => `${month}: ${difference.toFixed(4)}`).join('; ')}.`,
      x, y: numberAxis('difference of log loss (nats)', points.flatMap(({ y, low, high }) => [y, low ?? y, high ?? y]), { zero: true }),
      series: [{ name: 'no difference', kind: 'guide', points: [{ x: x.from, y: 0 }, { x: x.to, y: 0 }] }, { name: 'live less never retrained, with its 95 % interval', points }],
    }),
  };
}

function calibrationPlot({ comparison }: Report): PlotFile | undefined {
  const overall = comparison?.overall;
  if (!overall) return undefined;
  const line = (name: string, { calibration }: monitoring.Scored): Series => ({
    name,
    points: calibration.map(({ predicted, observed, rows }) => ({ x: predicted, y: observed, ...wilsonInterval(Math.round(observed * rows), rows) })),
  });
  const title = 'Calibration: how often it happened, by how often it was said to';
  const lines = [line(names.live, overall.live), line(names.never, overall.neverRetrained)];
  // One scale for both, as far as the rows reach: most probabilities of what is rare are small.
  const scale = numberAxis('', lines.flatMap(({ points }) => points.flatMap(({ x, high }) => [x, high ?? x])), { zero: true });
  return {
    name: 'calibration.svg', title,
    svg: drawPlot({
      title: 'Calibration', description: `${title}. On the dashed line both are the same. Whiskers: 95 % intervals (Wilson).`, ratio: 1,
      x: { ...scale, label: 'predicted probability' }, y: { ...scale, label: 'observed share' },
      series: [{ name: 'said and happened alike', kind: 'guide', points: [{ x: 0, y: 0 }, { x: scale.to, y: scale.to }] }, ...lines],
    }),
  };
}

function alarmPlot({ effects, alarms, versions, rollbacks, period }: Report): PlotFile | undefined {
  const shown = effects.filter(({ measure }) => measure === 'psi').slice(0, mostLines);
  if (shown.length === 0) return undefined;
  const floors = [...new Set(shown.map(({ floor }) => floor))];
  const several = new Set(effects.map(({ monitor }) => monitor)).size > 1;
  const [from, to] = [parseInstant(period.from), parseInstant(period.to)];
  const lines: Series[] = shown.map(({ monitor, name, points }) => ({ name: several ? `${monitor}: ${name}` : name, points: points.map(({ to, effect }) => ({ x: parseInstant(to), y: effect })) }));
  const title = 'Change of what is watched (PSI), alarms, and new versions';
  return {
    name: 'alarms.svg', title,
    svg: drawPlot({
      title, description: `The population stability index of each watched value, window by window; ${alarms.length} windows alarmed.`,
      x: monthAxis('end of the window (UTC)', from, to),
      y: numberAxis('PSI', [...floors, ...lines.flatMap(({ points }) => points.map(({ y }) => y))], { zero: true }),
      series: [...floors.map((floor): Series => ({ name: 'below this nothing is done', kind: 'guide', points: [{ x: from, y: floor }, { x: to, y: floor }] })), ...lines],
      marks: [
        { name: 'alarm', at: alarms.map(({ window: [, to] }) => parseInstant(to)) },
        { name: 'a version went live', at: versions.flatMap(({ liveFrom }) => (liveFrom === null ? [] : [parseInstant(liveFrom)])) },
        ...(rollbacks.length === 0 ? [] : [{ name: 'rolled back', at: rollbacks.map(({ at }) => parseInstant(at)) }]),
      ],
    }),
  };
}
