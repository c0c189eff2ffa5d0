import type { Axis } from './axis';

export interface Point {
  x: number;
  y: number;
  /** Ends of the interval in which the truth lies. */
  low?: number;
  high?: number;
}

export interface Series {
  name: string;
  points: Point[];
  /** `line`: joined, with a symbol at each point; `guide`: a thin line to compare with. Default: line. */
  kind?: 'line' | 'guide';
}

/** Something that happened at one place of the x axis: a symbol above the plot and a thin line down. */
export interface Mark {
  name: string;
  at: number[];
}

export interface Plot {
  title: string;
  /** What there is to see, for whoever cannot see it. */
  description: string;
  x: Axis;
  y: Axis;
  series: Series[];
  marks?: Mark[];
  /** Width of the drawing area over its height. */
  ratio?: number;
}

/**
 * Colours of Okabe and Ito, which also colour-blind people can tell apart; each has a contrast of three and more against
 * white and against black, text of four and a half. Symbol and dashes say the same again.
 */
const colours = ['#0072b2', '#d55e00', '#009e73', '#b8669b', '#8a7a00', '#3b8fc4', '#767676'];
const ink = '#767676';
const dashes = ['', '7 3', '2 3', '9 3 2 3', '5 2', '1 3', '12 4'];
const lineHeight = 20;
const rowOfMarks = 12;
const area = { left: 72, top: 46, width: 640 };

/** Draws a plot as an SVG document. The same plot gives the same bytes. */
export function drawPlot({ title, description, x, y, series, marks = [], ratio = 2.3 }: Plot): string {
  const width = ratio < 1.5 ? 360 : area.width;
  const height = Math.round(width / ratio);
  // Each kind of mark has a row of its own, so that none hides another of the same instant.
  const top = area.top + Math.max(0, marks.length - 1) * rowOfMarks;
  const bottom = top + height;
  const at = (value: number): number => area.left + ((value - x.from) / (x.to - x.from)) * width;
  const up = (value: number): number => bottom - ((value - y.from) / (y.to - y.from)) * height;
  const lines = series.filter(({ kind }) => kind !== 'guide');
  const lineOf = (one: Series): number => lines.indexOf(one);
  const { items, rows } = legend([
    ...marks.flatMap(({ name, at: places }, number) => (places.length === 0 ? [] : [{ name, draw: symbolOfMark, number }])),
    ...series.map((one) => ({ name: one.name, draw: one.kind === 'guide' ? sampleOfGuide : sampleOfLine, number: lineOf(one) })),
  ], width);
  const legendTop = bottom + 62;
  const total = { width: area.left + width + 24, height: legendTop + rows * lineHeight };
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${total.width} ${total.height}" width="${total.width}" height="${total.height}" role="img" aria-labelledby="title description" font-family="system-ui, sans-serif" font-size="12" fill="${ink}">`,
    `<title id="title">${escape(title)}</title>`,
    `<desc id="description">${escape(description)}</desc>`,
    `<text x="${area.left}" y="18" font-size="14" font-weight="600">${escape(title)}</text>`,
    ...y.ticks.map(({ at: value, text }) => `<path d="M${area.left} ${n(up(value))}H${area.left + width}" stroke="${ink}" stroke-opacity="0.3"/><text x="${area.left - 8}" y="${n(up(value) + 4)}" text-anchor="end">${escape(text)}</text>`),
    ...x.ticks.map(({ at: value, text }) => `<path d="M${n(at(value))} ${bottom}v5" stroke="${ink}"/><text x="${n(at(value))}" y="${bottom + 20}" text-anchor="middle">${escape(text)}</text>`),
    `<path d="M${area.left} ${top}V${bottom}H${area.left + width}" fill="none" stroke="${ink}"/>`,
    `<text x="${area.left + width / 2}" y="${bottom + 40}" text-anchor="middle">${escape(x.label)}</text>`,
    `<text transform="translate(14 ${n(top + height / 2)}) rotate(-90)" text-anchor="middle">${escape(y.label)}</text>`,
    ...marks.map((mark, index) => mark.at.map((value) =>
      `<path d="M${n(at(value))} ${top}V${bottom}" stroke="${markColour(index)}" stroke-opacity="0.6" stroke-dasharray="${dashes[index + 1]}"/>${symbolOfMark(index, at(value), top - 7 - (marks.length - 1 - index) * rowOfMarks)}`).join('')),
    ...series.map((one, index) => (one.kind === 'guide' ? guide(one, at, up) : line(one, lineOf(one), index, lines.length, at, up))),
    ...items.map(({ name, draw, number, left, row }) => {
      const middle = legendTop + row * lineHeight;
      return `${draw(number, area.left + left + 12, middle + (draw === symbolOfMark ? 4 : 0))}<text x="${area.left + left + 30}" y="${middle + 4}">${escape(name)}</text>`;
    }),
    '</svg>',
    '',
  ].join('\n');
}

type Draw = (index: number, x: number, y: number) => string;

function line({ points }: Series, number: number, _index: number, of: number, at: (x: number) => number, up: (y: number) => number): string {
  const colour = colours[number % colours.length];
  // Points of several series at one place stand side by side, so that their intervals can be seen.
  const aside = points.some(({ low }) => low !== undefined) ? (number - (of - 1) / 2) * 7 : 0;
  const place = ({ x, y }: Point): [number, number] => [at(x) + aside, up(y)];
  const path = points.map((point, index) => `${index === 0 ? 'M' : 'L'}${place(point).map(n).join(' ')}`).join('');
  const whiskers = points.filter(({ low, high }) => low !== undefined && high !== undefined)
    .map(({ x, low, high }) => `M${n(at(x) + aside - 3)} ${n(up(low!))}h6m-3 0V${n(up(high!))}m-3 0h6`).join('');
  return [
    `<path d="${path}" fill="none" stroke="${colour}" stroke-width="2" stroke-dasharray="${dashes[number % dashes.length]}"/>`,
    ...(whiskers === '' ? [] : [`<path d="${whiskers}" fill="none" stroke="${colour}" stroke-width="1.2"/>`]),
    ...points.map((point) => symbol(number, ...place(point), colour)),
  ].join('');
}

function guide({ points }: Series, at: (x: number) => number, up: (y: number) => number): string {
  return `<path d="${points.map(({ x, y }, index) => `${index === 0 ? 'M' : 'L'}${n(at(x))} ${n(up(y))}`).join('')}" fill="none" stroke="${ink}" stroke-dasharray="4 4"/>`;
}

/** Circle, square, diamond, triangle, cross: one for each series. */
function symbol(number: number, x: number, y: number, colour: string): string {
  switch (number % 5) {
    case 0: return `<circle cx="${n(x)}" cy="${n(y)}" r="3.5" fill="${colour}"/>`;
    case 1: return `<path d="M${n(x - 3.5)} ${n(y - 3.5)}h7v7h-7z" fill="${colour}"/>`;
    case 2: return `<path d="M${n(x)} ${n(y - 4.5)}l4.5 4.5l-4.5 4.5l-4.5 -4.5z" fill="${colour}"/>`;
    case 3: return `<path d="M${n(x)} ${n(y - 4.5)}l4.5 8h-9z" fill="${colour}"/>`;
    default: return `<path d="M${n(x - 3.5)} ${n(y - 3.5)}l7 7m0 -7l-7 7" stroke="${colour}" stroke-width="2"/>`;
  }
}

const markColour = (index: number): string => ['#d55e00', '#0072b2', '#009e73', '#b8669b'][index % 4];
const symbolOfMark: Draw = (index, x, y) => {
  const shape = ['m-5 -8h10l-5 9z', 'm-5 0l5 -9l5 9z', 'm-4 -8h8v8h-8z', 'm-5 -4l5 -5l5 5l-5 5z'][index % 4];
  return `<path d="M${n(x)} ${n(y)}${shape}" fill="${markColour(index)}"/>`;
};
const sampleOfLine: Draw = (index, x, y) =>
  `<path d="M${n(x - 12)} ${n(y)}h24" stroke="${colours[index % colours.length]}" stroke-width="2" stroke-dasharray="${dashes[index % dashes.length]}"/>${symbol(index, x, y, colours[index % colours.length])}`;
const sampleOfGuide: Draw = (_index, x, y) => `<path d="M${n(x - 12)} ${n(y)}h24" stroke="${ink}" stroke-dasharray="4 4"/>`;

/** Lays names out in rows below the plot, by a generous guess of how wide their text is. */
function legend<T extends { name: string }>(entries: T[], width: number): { items: (T & { left: number; row: number })[]; rows: number } {
  let [left, row] = [0, 0];
  const items = entries.map((entry) => {
    const wide = 44 + entry.name.length * 7.2;
    if (left > 0 && left + wide > width) [left, row] = [0, row + 1];
    const item = { ...entry, left: Math.round(left), row };
    left += wide;
    return item;
  });
  return { items, rows: row + 1 };
}

/** Two decimals at most: a tenth of a pixel is less than anybody sees, and rounding keeps bytes equal. */
const n = (value: number): string => String(Math.round(value * 100) / 100);
const escape = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
