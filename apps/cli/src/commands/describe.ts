import { RheiError, serviceNames, type runtime } from '@rhei/contracts';
import { formatInstant } from '@rhei/expressions';
import { Command } from 'commander';
import { stringify } from 'yaml';
import { kinds } from '../apply-files';
import type { Context } from '../context';
import { explained } from '../help';
import { jsonIn } from '../json-in';
import { minute } from '../minute';
import { nearest } from '../nearest';
import { positive } from '../option-values';
import type { Platform } from '../platform';
import { namedBy, referringTo, type ResourceLink } from '../resource-links';
import { ownerOf, stateOf, type ResourceState } from '../resource-state';
import { pairs, table, wrapped } from '../table';
import { kindNamed } from './get';

export function describeCommand(context: Context): Command {
  return explained(new Command('describe'), {
    purpose: 'Shows everything about one resource: its specification, how it stands, what refers to it, and what was decided lately.',
    examples: ['rhei describe Model churn', 'rhei describe monitor churn --json'],
  })
    .argument('<kind>', `one of ${kinds.join(', ')}; upper or lower case`)
    .argument('<name>')
    .option('--decisions <n>', 'how many decisions', positive, 8)
    .action((kind: string, name: string, { decisions }: { decisions: number }) => describe(context, kindNamed(kind), name, decisions));
}

interface Described {
  resource: runtime.Resource;
  state?: ResourceState;
  /** Why the owning service did not say how it stands. */
  silence?: string;
  names: (ResourceLink & { there: boolean })[];
  namedBy: ResourceLink[];
  decisions: runtime.Decision[];
}

async function describe(context: Context, kind: string, name: string, count: number): Promise<void> {
  const { platform } = context;
  const all = (await Promise.all(serviceNames.map((service) => platform.ask(platform.resources, platform.resources.listResources, { service, kind: '' })))).flatMap(({ resources }) => resources);
  const resource = all.find((one) => one.kind === kind && one.name === name);
  if (resource === undefined) {
    const known = all.filter((one) => one.kind === kind).map((one) => one.name);
    const meant = nearest(name, known);
    throw new RheiError('not_found', `There is no ${kind} "${name}".`, { field: 'name', expected: known.join(', ') || `none is applied`, got: name, hint: meant === undefined ? `"rhei get ${kind}" lists what there is` : `did you mean ${meant}?` });
  }
  const standing = await stateOf(platform, kind, name).then((state) => ({ state, silence: undefined }), (error: unknown) => {
    // A service that is away is part of the picture: its resource is known all the same.
    if (!(error instanceof RheiError) || !['unavailable', 'deadline_exceeded'].includes(error.code)) throw error;
    return { state: undefined, silence: `${ownerOf[kind]} does not answer: ${error.message}` };
  });
  const described: Described = {
    resource, ...standing, names: namedBy(resource).map((link) => ({ ...link, there: all.some((one) => one.kind === link.kind && one.name === link.name) })),
    namedBy: referringTo(resource, all), decisions: standing.state === undefined ? [] : await decisionsOf(platform, kind, standing.state.subjects, count),
  };
  context.result(asJson(described), () => text(described, context));
  if (standing.silence !== undefined) context.exitCode = 7;
}

/** The last decisions about any of the subjects, oldest first. */
async function decisionsOf(platform: Platform, kind: string, subjects: string[], count: number): Promise<runtime.Decision[]> {
  const service = ownerOf[kind];
  const lists = await Promise.all(subjects.map(async (subject) => {
    const found: runtime.Decision[] = [];
    for (;;) {
      const { decisions } = await platform.ask(platform.operations, platform.operations.listDecisions, { service, after: found.at(-1)?.sequence ?? 0, limit: 1_000, subject });
      found.push(...decisions);
      if (decisions.length === 0) return found.slice(-count);
    }
  }));
  return lists.flat().sort((a, b) => a.sequence - b.sequence).slice(-count);
}

const asJson = ({ resource, state, silence, names, namedBy: by, decisions }: Described) => ({
  apiVersion: 'rhei/v1', kind: resource.kind, metadata: { name: resource.name }, version: resource.version, spec: jsonIn(resource.specJson), owner: ownerOf[resource.kind],
  state: state === undefined ? null : { ...Object.fromEntries(state.facts), lately: state.lately.lines }, ...(silence !== undefined && { silence }), refersTo: names, referredToBy: by,
  decisions: decisions.map(({ sequence, asOf, subject, action, by: who, inputsJson, outcomeJson }) => ({ sequence, asOf: formatInstant(asOf), subject, action, by: who, inputs: jsonIn(inputsJson), outcome: jsonIn(outcomeJson) })),
});

function text({ resource, state, silence, names, namedBy: by, decisions }: Described, { paint, width }: Context): string {
  const part = (head: string, body: string): string => (body === '' ? '' : `\n${paint('bold', head)}\n${body}`);
  const lines = (all: string[]): string => all.map((line) => wrapped('  ', line, '    ', width)).join('');
  return [
    pairs([['kind', resource.kind], ['name', resource.name], ['version', String(resource.version)], ['owned by', ownerOf[resource.kind] ?? 'unknown'],
      ...(state?.facts ?? []).flatMap(([fact, value]) => [value].flat().map((one): [string, string] => [fact, one]))]),
    part('Not known now', silence === undefined ? '' : lines([silence])),
    part('Specification', stringify(jsonIn(resource.specJson), { lineWidth: 0 }).replace(/^(?=.)/gm, '  ')),
    part('Refers to', lines(names.map(({ kind, name, path, there }) => `${kind} ${name}  (${path})${there ? '' : paint('red', '  not applied')}`))),
    part('Is referred to by', lines(by.map(({ kind, name, path }) => `${kind} ${name}  (${path})`))),
    part(state?.lately.what ?? '', lines(state?.lately.lines ?? [])),
    part('Decisions', decisions.length === 0 ? '' : table(
      [{ head: '  AT' }, { head: 'ACTION' }, { head: 'BY' }, { head: 'ABOUT' }, { head: 'OUTCOME', cut: true }],
      decisions.map(({ asOf, action, by: who, subject, outcomeJson }) => [`  ${minute(asOf)}`, action, who, subject, outcomeJson]), width,
    )),
  ].join('');
}
