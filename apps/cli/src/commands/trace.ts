import { RheiError } from '@rhei/contracts';
import { Command } from 'commander';
import type { Explain } from '../causes';
import type { Context } from '../context';
import { findTraces, traceable, type FoundTrace } from '../find-traces';
import { explained } from '../help';
import { Jaeger } from '../jaeger';
import { nearest } from '../nearest';
import { spell, treeOf, treeText } from '../trace-tree';

const fallback = 'http://localhost:16686';

export function traceCommand(context: Context): Command {
  return explained(new Command('trace'), {
    purpose: 'Shows the way of one event, run, prediction or version through the services, from Jaeger.',
    examples: ['rhei trace prediction p-s12', 'rhei trace event bts/2001-02-03-WN-1', 'rhei trace 4bf92f3577b34da6a3ce929d0e0e4736'],
  })
    .usage('[options] [kind] <id>')
    .argument('<kind>', `one of ${traceable.join(', ')}; left out, all are tried, and the id of a trace is taken too`)
    .argument('[id]')
    .option('--jaeger <url>', `query address of Jaeger (else RHEI_JAEGER, else the data folder, else ${fallback})`)
    .action((first: string, second: string | undefined, { jaeger }: { jaeger?: string }) => (second === undefined ? trace(context, undefined, first, jaeger) : trace(context, first, second, jaeger)));
}

async function trace(context: Context, kind: string | undefined, id: string, address: string | undefined): Promise<void> {
  if (kind !== undefined && !traceable.includes(kind)) {
    const meant = nearest(kind, traceable);
    throw new RheiError('invalid', `Nobody keeps traces of a "${kind}".`, { field: 'kind', expected: traceable.join(', '), got: kind, hint: meant === undefined ? `one of ${traceable.join(', ')}` : `did you mean ${meant}?` });
  }
  const { platform } = context;
  const explain: Explain = (request) => platform.ask(platform.operations, platform.operations.explain, request);
  const jaeger = jaegerOf(context, address);
  const found = await findTraces(explain, jaeger, kind, id);
  const { isTTY, columns } = context.terminal.stdout;
  const data = found.map(({ traceId, because, spans }) => ({ traceId, because, link: jaeger.page(traceId), spans: treeOf(spans) }));
  context.result(data, () => found.map((one) => text(one, jaeger, context, isTTY === true ? columns : undefined)).join('\n'));
}

function jaegerOf({ flags, terminal: { env }, platform }: Context, address: string | undefined): Jaeger {
  const [url, from] = address !== undefined ? [address, '--jaeger'] : env.RHEI_JAEGER ? [env.RHEI_JAEGER, 'RHEI_JAEGER']
    : platform.target.jaeger !== undefined ? [platform.target.jaeger, flags.data ?? env.RHEI_DATA ?? '.rhei'] : [fallback, 'the default'];
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new RheiError('invalid', `The address ${JSON.stringify(url)} of Jaeger from ${from} is no URL.`, { field: from, expected: 'http://host:16686', got: url, hint: '--jaeger names the address at which its pages are' });
  }
  return new Jaeger(url.replace(/\/+$/, ''), from);
}

function text({ traceId, because, spans }: FoundTrace, jaeger: Jaeger, { paint }: Context, width?: number): string {
  const services = new Set(spans.map(({ service }) => service));
  const begin = Math.min(...spans.map(({ start }) => start));
  const end = Math.max(...spans.map(({ start, duration }) => start + duration));
  const failed = spans.filter(({ error }) => error !== undefined).length;
  const figures = `${spans.length} span${spans.length === 1 ? '' : 's'} of ${services.size} service${services.size === 1 ? '' : 's'} in ${spell(end - begin)}${failed === 0 ? '' : `, ${failed} failed`}`;
  return [
    `${paint('bold', `Trace ${traceId}`)}  ${figures}  ${paint('dim', `(${because})`)}\n`,
    treeText(treeOf(spans), paint, width),
    `  ${jaeger.page(traceId)}\n`,
  ].join('');
}
