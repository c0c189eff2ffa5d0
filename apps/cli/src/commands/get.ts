import { RheiError, serviceNames, type runtime } from '@rhei/contracts';
import { Command, Option } from 'commander';
import { stringify } from 'yaml';
import { kinds } from '../apply-files';
import type { Context } from '../context';
import { explained } from '../help';
import { nearest } from '../nearest';
import { table } from '../table';

type Format = 'table' | 'yaml' | 'json';

export function getCommand(context: Context): Command {
  return explained(new Command('get'), {
    purpose: 'Shows the resources that were applied; as YAML they can be applied again.',
    examples: ['rhei get', 'rhei get Model churn', 'rhei get monitors -o yaml'],
  })
    .argument('[kind]', `one of ${kinds.join(', ')}; upper or lower case, one or many`)
    .argument('[name]')
    .addOption(new Option('-o, --output <format>', 'default: yaml for one, a table for several').choices(['table', 'yaml', 'json']))
    .action((kind: string | undefined, name: string | undefined, { output }: { output?: Format }) => get(context, kind, name, output));
}

async function get(context: Context, kind: string | undefined, name: string | undefined, output: Format | undefined): Promise<void> {
  const wanted = kind === undefined ? undefined : kindNamed(kind);
  const { platform } = context;
  const lists = await Promise.all(serviceNames.map((service) => platform.ask(platform.resources, platform.resources.listResources, { service, kind: '' })));
  const known = lists.flatMap(({ resources }) => resources).filter((resource) => wanted === undefined || resource.kind === wanted);
  const found = known.filter((resource) => name === undefined || resource.name === name)
    .sort((a, b) => kinds.indexOf(a.kind) - kinds.indexOf(b.kind) || (a.name < b.name ? -1 : 1));
  if (name !== undefined && found.length === 0) {
    const meant = nearest(name, known.map((resource) => resource.name));
    throw new RheiError('not_found', `There is no ${wanted} "${name}".`, {
      field: 'name', expected: known.length === 0 ? `a ${wanted}; none has been applied` : `one of ${known.map((resource) => resource.name).sort().join(', ')}`, got: name,
      hint: meant === undefined ? `"rhei get ${wanted}" lists what there is` : `did you mean ${meant}?`,
    });
  }
  const format = context.json ? 'json' : (output ?? (name === undefined ? 'table' : 'yaml'));
  context.terminal.stdout.write(written(found, format, context.width));
  if (format === 'table' && found.length === 0) context.say(`Nothing was applied${wanted === undefined ? '' : ` of the kind ${wanted}`} yet. Try: rhei apply -f resources/`);
}

/** The kind that was meant: `model`, `Models` and `MODEL` are all `Model`. */
export function kindNamed(word: string): string {
  const plain = word.toLowerCase().replaceAll(/[-_]/g, '');
  const found = kinds.find((kind) => [kind.toLowerCase(), `${kind.toLowerCase()}s`].includes(plain));
  if (found !== undefined) return found;
  const meant = nearest(word, kinds);
  throw new RheiError('invalid', `There is no kind "${word}".`, { field: 'kind', expected: `one of ${kinds.join(', ')}`, got: word, hint: meant === undefined ? '"rhei get" lists all that was applied' : `did you mean ${meant}?` });
}

function written(resources: runtime.Resource[], format: Format, width: number): string {
  const asObject = ({ kind, name, specJson }: runtime.Resource) => ({ apiVersion: 'rhei/v1', kind, metadata: { name }, spec: JSON.parse(specJson) as unknown });
  switch (format) {
    case 'json':
      return `${JSON.stringify(resources.map((resource) => ({ ...asObject(resource), version: resource.version })), null, 2)}\n`;
    case 'yaml':
      // The version is no part of what is applied, so it stands beside it.
      return resources.map((resource) => `# version ${resource.version}\n${stringify(asObject(resource), { lineWidth: 0 })}`).join('---\n');
    case 'table':
      return resources.length === 0 ? '' : table([{ head: 'KIND' }, { head: 'NAME', cut: true }, { head: 'VERSION', right: true }], resources.map(({ kind, name, version }) => [kind, name, String(version)]), width);
  }
}
