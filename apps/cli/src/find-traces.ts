import { RheiError, serviceNames } from '@rhei/contracts';
import { find, type Explain } from './causes';
import type { Jaeger, Span } from './jaeger';

/** A trace of a thing's story, and how it was come by. */
export interface FoundTrace {
  traceId: string;
  because: string;
  spans: Span[];
}

/** The tags by which Jaeger finds what no service knows by that name. */
const tagsOf: Record<string, string[]> = { event: ['rhei.record.id', 'rhei.event.id'], prediction: ['rhei.prediction.id'], run: ['rhei.run.id'], 'training-set': ['rhei.training_set.id'], version: [] };
export const traceable = Object.keys(tagsOf);

/** Links are followed one step: what is further away has a story of its own. */
const mostLinked = 8;
const traceId = /^(?:00-)?([0-9a-f]{32})(?:-[0-9a-f]{16}-[0-9a-f]{2})?$/;

/**
 * The traces of an event, run, prediction, training set or version, or of a trace's own id: those that the services keep
 * with it, and what is linked to them. Errors: `not_found` that says who knows what; `unavailable` without Jaeger.
 */
export async function findTraces(explain: Explain, jaeger: Jaeger, kind: string | undefined, id: string): Promise<FoundTrace[]> {
  const named = kind === undefined ? traceId.exec(id)?.[1] : undefined;
  const { begins, missing } = named === undefined ? await whatServicesKeep(explain, kind, id) : { begins: [{ traceparent: `00-${named}-${'0'.repeat(16)}-01`, because: 'its id' }], missing: undefined };
  const found = await fetchAll(jaeger, begins.map(({ traceparent, because }) => ({ traceId: traceparent.slice(3, 35), because })));
  if (found.length === 0) found.push(...(await fetchAll(jaeger, await taggedTraces(jaeger, kind, id))));
  if (found.length === 0) throw missing ?? notKept(jaeger, id, begins);
  await follow(explain, jaeger, found);
  return found;
}

interface Beginning {
  traceparent: string;
  because: string;
}

async function whatServicesKeep(explain: Explain, kind: string | undefined, id: string): Promise<{ begins: Beginning[]; missing?: RheiError }> {
  const known = (await find(explain, kind, id)).filter(({ kind: one }) => kind !== undefined || traceable.includes(one));
  const begins = known.flatMap(({ found, kind: one }) => found.traceparents.map((traceparent) => ({ traceparent, because: `${one} ${id}` })));
  if (known.length === 0) {
    return { begins, missing: new RheiError('not_found', `No service knows ${kind === undefined ? '' : `the ${kind} `}"${id}", and no span in Jaeger names it.`, {
      field: 'id', expected: 'the id of something that was traced', got: id,
      hint: 'an event is SOURCE/ID or the id of one of our own events, a version MODEL/N; "rhei runs list" names runs; an answer or a log line has a traceId, which is taken too' }) };
  }
  const silent = known.find(({ found }) => !found.traced);
  if (silent) {
    return { begins, missing: new RheiError('not_found', `${silent.found.title}: its trace is in no Jaeger, because tracing is off in ${silent.service}.`, {
      hint: 'start the platform with OTEL_EXPORTER_OTLP_ENDPOINT=http://HOST:4318, the address of a collector; what happens from then on is kept' }) };
  }
  if (begins.length === 0) return { begins, missing: new RheiError('not_found', `${known[0].found.title}: ${known[0].service} has kept no trace with it: it is older than traces are.`) };
  return { begins };
}

function notKept(jaeger: Jaeger, id: string, begins: Beginning[]): RheiError {
  const ids = [...new Set(begins.map(({ traceparent }) => traceparent.slice(3, 35)))].join(', ');
  if (begins.length > 0 && begins.every(({ traceparent }) => traceparent.endsWith('-00'))) {
    return new RheiError('not_found', `The trace ${ids} of "${id}" was not sampled.`, { hint: 'OTEL_TRACES_SAMPLER_ARG is the share of traces that are kept' });
  }
  return new RheiError('not_found', `Jaeger at ${jaeger.url} has no trace ${ids} of "${id}".`, {
    hint: 'spans arrive some seconds after the work, so ask again; a Jaeger that keeps traces in memory forgets old ones, and those from before it was started',
  });
}

async function taggedTraces(jaeger: Jaeger, kind: string | undefined, id: string): Promise<{ traceId: string; because: string }[]> {
  const tags = kind === undefined ? Object.values(tagsOf).flat() : (tagsOf[kind] ?? []);
  const ours = (await jaeger.services()).filter((name) => (serviceNames as readonly string[]).includes(name));
  const answers = await Promise.all(ours.flatMap((service) => tags.map(async (tag) => (await jaeger.tagged(service, tag, id)).map((found) => ({ traceId: found, because: `a span of ${service} with ${tag} = ${id}` })))));
  return answers.flat().slice(0, mostLinked);
}

async function fetchAll(jaeger: Jaeger, wanted: { traceId: string; because: string }[]): Promise<FoundTrace[]> {
  const once = [...new Map([...wanted].reverse().map((one) => [one.traceId, one])).values()].reverse();
  return (await Promise.all(once.map(async (one) => ({ ...one, spans: await jaeger.trace(one.traceId) })))).filter(({ spans }) => spans.length > 0);
}

/** Adds what the traces link to, and those in which their versions were approved and promoted: a link shows only one way. */
async function follow(explain: Explain, jaeger: Jaeger, found: FoundTrace[]): Promise<void> {
  const seen = new Set(found.map((one) => one.traceId));
  const spans = found.flatMap((one) => one.spans);
  const linked = spans.flatMap(({ links, name, service }) => links.map((id) => ({ traceId: id, because: `linked from "${name}" of ${service}` })));
  const registered = new Set(spans.filter(({ service, tags }) => service === 'registry' && tags['rhei.model.version'] !== undefined).map(({ tags }) => `${String(tags['rhei.model.name'])}/${String(tags['rhei.model.version'])}`));
  for (const version of [...registered].slice(0, mostLinked)) {
    for (const { found: known } of await find(explain, 'version', version)) {
      linked.push(...known.traceparents.map((traceparent) => ({ traceId: traceparent.slice(3, 35), because: `version ${version}` })));
    }
  }
  found.push(...(await fetchAll(jaeger, linked.filter((one) => !seen.has(one.traceId)).slice(0, mostLinked))));
}
