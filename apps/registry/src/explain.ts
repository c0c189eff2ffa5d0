import type { registry } from '@rhei/contracts';
import { formatInstant } from '@rhei/expressions';
import type { Explanation } from '@rhei/runtime';
import type { Deps } from './deps';
import type { GateResult } from './gates';
import { readHistories } from './history.store';
import { isObject } from './report';
import { listModels, listPromotions, listVersions, tracesOf, type KeptVersion } from './model.store';

/** What is known about `<model>/<n>`: the run it came from, its gates, who said yes or no, and what it replaced. */
export async function explainVersion({ database }: Deps, id: string): Promise<Explanation | undefined> {
  const cut = id.lastIndexOf('/');
  const [name, number] = [id.slice(0, cut), Number(id.slice(cut + 1))];
  const version = (await listVersions(database, name)).find((each) => each.version === number);
  if (cut < 1 || !version) return undefined;
  const moves = (await listPromotions(database, name)).filter(({ version: promoted }) => promoted === number);
  return {
    title: `Version ${id} is ${version.state.replace('_', ' ')}`,
    lines: [
      `registered ${formatInstant(version.registeredAt)} from run ${version.run} by ${version.author}: ${reasonOf(version.cause)}`,
      `artifact ${version.digest}, training set ${version.trainingSetDigest}`,
      ...version.gates.map(gateLine),
      ...judgementOf(version),
      ...moves.map(moveLine),
      ...broughtOf(version),
      ...(await readHistories(database, name))(name, number).judgements.map(helpLine),
    ],
    traceparents: await tracesOf(database, name, number),
    causes: [{ service: 'training', kind: 'run', id: version.run }],
  };
}

/** What is known about a model: whose it is, what for, and every move of its champion. */
export async function explainModel({ database }: Deps, name: string): Promise<Explanation | undefined> {
  const model = (await listModels(database)).find((each) => each.name === name);
  if (!model) return undefined;
  const moves = await listPromotions(database, name);
  return {
    title: `Model ${name}: ${model.champion === 0 ? 'no champion yet' : `version ${model.champion} is champion`}`,
    lines: [
      `owner ${model.spec.owner}, risk tier ${model.spec.riskTier}, approval ${model.spec.approval}: ${model.spec.purpose}`,
      ...moves.map((move) => `${formatInstant(move.promotedAt)} version ${move.version} by ${move.by} (revision ${move.revision})${move.kind === 'rollback' ? `, a rollback: ${move.reason || 'no reason given'}` : ''}`),
    ],
    causes: model.champion === 0 ? [] : [{ service: 'registry', kind: 'version', id: `${name}/${model.champion}` }],
  };
}

const moveLine = (move: registry.ModelVersionPromoted): string =>
  `${move.kind === 'rollback' ? 'came back' : 'promoted'} ${formatInstant(move.promotedAt)} by ${move.by} as revision ${move.revision}, ${move.replaces === 0 ? 'the first champion' : `replacing version ${move.replaces}`}${move.reason ? `: ${move.reason}` : ''}`;

const broughtOf = ({ state, brought: { by, reason, at } }: KeptVersion): string[] => (by === '' ? [] : [`${state.replace('_', ' ')} ${formatInstant(at)} by ${by}: ${reason || 'no reason given'}`]);

const helpLine = ({ verdict, replaced, deployment, difference, low, high, rows, judgedAt }: registry.HelpJudgement): string =>
  `its promotion ${verdict === 'unclear' ? 'did not clearly help or hurt' : verdict} against version ${replaced} in ${deployment}: loss differs by ${difference.toFixed(4)} (${low.toFixed(4)} to ${high.toFixed(4)}) on ${rows} predictions, judged ${formatInstant(judgedAt)}`;

const reasonOf = (cause: unknown): string =>
  isObject(cause) ? `${String(cause.kind ?? 'unknown cause')}${cause.reason ? `, ${String(cause.reason)}` : ''}` : 'unknown cause';

const gateLine = ({ gate, passed, inputs, reason }: GateResult): string => {
  const values = Object.entries(inputs).map(([path, value]) => `${path} = ${value === null ? 'absent' : String(value)}`).join(', ');
  return `gate "${gate}" ${passed ? 'met' : 'unmet'}${values ? ` (${values})` : ''}${reason ? `: ${reason}` : ''}`;
};

function judgementOf(version: KeptVersion): string[] {
  const said = version.reason === '' ? '' : `: ${version.reason}`;
  if (version.approvedBy !== '') return [`approved by ${version.approvedBy}${said}`];
  if (version.rejectedBy !== '') return [`rejected by ${version.rejectedBy}${said}`];
  return version.state === 'awaiting_approval' ? [`waits for an approval by somebody other than ${version.author}`] : [];
}
