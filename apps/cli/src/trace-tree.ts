import type { Span } from './jaeger';
import type { Paint } from './paint';
import { wrapped } from './table';

/** A span and what it led to. */
export interface Branch extends Span {
  children: Branch[];
}

/** Lines for one trace: a story may have thousands of spans, and the page shows them all. */
const mostLines = 200;

/** The spans as trees, by their beginning; more than one where a parent was not kept. */
export function treeOf(spans: Span[]): Branch[] {
  const branches = new Map(spans.map((span) => [span.spanId, { ...span, children: [] as Branch[] }]));
  const roots: Branch[] = [];
  for (const branch of branches.values()) (branches.get(branch.parent ?? '')?.children ?? roots).push(branch);
  return roots;
}

/** One line a span, each below the one that led to it: what, who, after how long, for how long, about what. */
export function treeText(roots: Branch[], paint: Paint, width?: number): string {
  const begin = roots[0]?.start ?? 0;
  const lines: string[] = [];
  let left = 0;
  const walk = (branch: Branch, depth: number): void => {
    if (lines.length < mostLines) lines.push(lineOf(branch, begin, depth, paint, width));
    else left += 1;
    for (const child of branch.children) walk(child, depth + 1);
  };
  for (const root of roots) walk(root, 0);
  if (left > 0) lines.push(`  … and ${left} more span${left === 1 ? '' : 's'}, on the page\n`);
  return lines.join('');
}

function lineOf({ name, service, start, duration, tags, error }: Branch, begin: number, depth: number, paint: Paint, width?: number): string {
  const indent = '  '.repeat(depth + 1);
  const words = [
    `${name}  ${paint('dim', `[${service}]`)}  +${spell(start - begin)} ${spell(duration)}`,
    ...aboutOf(tags).map((about) => paint('dim', about)),
    ...(error === undefined ? [] : [paint('red', `failed: ${error}`)]),
  ];
  return wrapped(indent, words.join('  '), `${indent}    `, width);
}

/** By what people recognise it. */
export function aboutOf(tags: Record<string, unknown>): string[] {
  const text = (key: string): string | undefined => (tags[key] === undefined ? undefined : shown(tags[key]));
  const version = text('rhei.model.version');
  const model = text('rhei.model.name');
  const event = tags['span.kind'] === 'producer' ? text('rhei.event.id') : undefined;
  const status = tags['rpc.status_code'] === 'OK' ? undefined : (text('http.response.status_code') ?? text('rpc.status_code'));
  const found: [string, string | undefined][] = [
    ['event', text('rhei.record.id') ?? event], ['prediction', text('rhei.prediction.id')], ['run', text('rhei.run.id')],
    ['model', model === undefined ? undefined : version === undefined ? model : `${model}/${version}`],
    ['deployment', text('rhei.deployment')], ['training set', text('rhei.training_set.id')?.slice(0, 12)], ['timer', text('rhei.timer.key')], ['status', status],
  ];
  return found.flatMap(([what, value]) => (value === undefined ? [] : [`${what} ${value}`]));
}

/** Jaeger writes a list as JSON. */
function shown(value: unknown): string {
  const text = String(value);
  if (!text.startsWith('["')) return text;
  const list = JSON.parse(text) as string[];
  return list.length <= 2 ? list.join(', ') : `${list[0]} and ${list.length - 1} more`;
}

/** Microseconds as people read them. */
export function spell(us: number): string {
  if (Math.abs(us) < 1_000) return `${us} µs`;
  if (Math.abs(us) < 1_000_000) return `${(us / 1_000).toFixed(1)} ms`;
  return `${(us / 1_000_000).toFixed(2)} s`;
}
