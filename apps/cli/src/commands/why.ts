import { RheiError } from '@rhei/contracts';
import { Command } from 'commander';
import { find, follow, owners, type Explain, type Link } from '../causes';
import type { Context } from '../context';
import { explained } from '../help';
import { nearest } from '../nearest';
import { positive } from '../option-values';
import type { Paint } from '../paint';
import { wrapped } from '../table';

const kinds = [...Object.keys(owners), 'decision'];

export function whyCommand(context: Context): Command {
  return explained(new Command('why'), {
    purpose: 'Shows why something is as it is, and the chain of its causes, from the services\' own records.',
    examples: ['rhei why prediction p-s12', 'rhei why version churn/2', 'rhei why p-s12'],
  })
    .usage('[options] [kind] <id>')
    .argument('<kind>', `one of ${kinds.join(', ')}; left out, all are tried`)
    .argument('[id]')
    .option('--depth <n>', 'how many causes deep', positive, 12)
    .action((first: string, second: string | undefined, { depth }: { depth: number }) => (second === undefined ? why(context, undefined, first, depth) : why(context, first, second, depth)));
}

async function why(context: Context, kind: string | undefined, id: string, depth: number): Promise<void> {
  if (kind !== undefined && !kinds.includes(kind)) {
    const meant = nearest(kind, kinds);
    throw new RheiError('invalid', `Nobody keeps causes of a "${kind}".`, { field: 'kind', expected: kinds.join(', '), got: kind, hint: meant === undefined ? `one of ${kinds.join(', ')}` : `did you mean ${meant}?` });
  }
  const { platform } = context;
  const explain: Explain = (request) => platform.ask(platform.operations, platform.operations.explain, request);
  const starts = await find(explain, kind, id);
  if (starts.length === 0) {
    throw new RheiError('not_found', `No service knows ${kind === undefined ? '' : `the ${kind} `}"${id}".`, {
      field: 'id', expected: 'MODEL/N of a version, MONITOR/START of a window, SOURCE/ID of an event, or the id of a run or prediction', got: id, hint: '"rhei runs list", "rhei models versions MODEL" and "rhei predictions list" name them',
    });
  }
  const chains: Link[] = [];
  for (const start of starts) chains.push(await follow(explain, { ...start, id }, depth));
  const { isTTY, columns } = context.terminal.stdout;
  context.result(chains, () => chains.map((chain) => chainText(chain, context.paint, isTTY === true ? columns : undefined)).join('\n'));
  if (chains.some(hasSilence)) context.exitCode = 7;
}

const hasSilence = ({ ends, causes }: Link): boolean => ends === 'no answer' || causes.some(hasSilence);

/** The chain as text: each cause below what it caused, further in. */
export function chainText(link: Link, paint: Paint, width?: number, indent = ''): string {
  const inner = `${indent}    `;
  const ends = link.ends === undefined ? '' : ` (${link.ends === 'deeper' ? 'deeper: say --depth' : link.ends})`;
  return [
    wrapped(`${indent}${indent === '' ? '' : '← '}`, `${paint('bold', link.title)}${ends}  ${paint('dim', `[${link.service}]`)}`, inner, width),
    ...link.lines.map((line) => wrapped(inner, line, `${inner}  `, width)),
    ...link.causes.map((cause) => chainText(cause, paint, width, `${indent}  `)),
  ].join('');
}
