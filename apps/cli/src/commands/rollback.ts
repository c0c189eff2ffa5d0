import { RheiError, type serving } from '@rhei/contracts';
import { Command } from 'commander';
import { setTimeout as pause } from 'node:timers/promises';
import type { Context } from '../context';
import { explained } from '../help';
import { nearest } from '../nearest';
import { positive } from '../option-values';

interface Options {
  reason: string;
  to?: number;
  leaving?: number;
  yes?: boolean;
  timeout: number;
}

/** Milliseconds between looks at whether all replicas have switched. */
const lookEvery = 50;

export function rollbackCommand(context: Context): Command {
  return explained(new Command('rollback'), {
    purpose: 'Takes the version that is tried, or else the live one, out of the traffic of a deployment, and waits until the version before answers everywhere.',
    examples: ['rhei rollback renewals --reason "wrong for new customers"', 'rhei rollback renewals --reason "worse since Monday" --to 3'],
  })
    .argument('<deployment>')
    .requiredOption('--reason <text>', 'why; stays with the decision')
    .option('--to <version>', 'a version that was live before (default: the one just before)', positive)
    .option('--leaving <version>', 'the version that shall go (default: the one that is tried, else the live one)', positive)
    .option('--timeout <seconds>', 'how long to wait for all replicas', positive, 30)
    .option('--yes', 'do not ask')
    .action((deployment: string, options: Options) => rollback(context, deployment, options));
}

async function rollback(context: Context, name: string, { reason, to = 0, leaving: named, yes, timeout }: Options): Promise<void> {
  const { platform } = context;
  const before = await find(context, name);
  const leaving = named ?? (to === 0 && before.candidate !== 0 ? before.candidate : before.liveVersion);
  if (yes !== true && context.interactive) await context.confirm(`Take version ${leaving} of ${before.model} out of ${name}?`);
  const started = performance.now();
  // What was looked at is what goes: another promotion meanwhile is a conflict, and no version goes by mistake.
  const done = await platform.ask(platform.serving, platform.serving.rollback, { deployment: name, reason, version: leaving, to });
  const shifted = await untilShifted(context, name, done.revision, started + timeout * 1_000);
  const milliseconds = Math.round(performance.now() - started);
  context.result({ deployment: name, version: done.version, live: done.live, revision: done.revision, shifted, milliseconds }, () => (shifted
    ? `Version ${done.live} answers in ${name} instead of version ${done.version}; all replicas had switched after ${milliseconds} ms.\n`
    : `Version ${done.live} is to answer in ${name} instead of version ${done.version}, but after ${timeout} s not all replicas had switched.\n`));
  if (!shifted) context.exitCode = 7;
  context.suggest(`Why: rhei why version ${before.model}/${done.version}`);
}

async function find({ platform }: Context, name: string): Promise<serving.Deployment> {
  const { deployments } = await platform.ask(platform.serving, platform.serving.listDeployments, {});
  const found = deployments.find((one) => one.name === name);
  if (found !== undefined) return found;
  const names = deployments.map((one) => one.name);
  const meant = nearest(name, names);
  throw new RheiError('not_found', `There is no deployment "${name}".`, { field: 'deployment', expected: names.join(', ') || 'none is applied yet', got: name, hint: meant === undefined ? '"rhei get Deployment" lists them' : `did you mean ${meant}?` });
}

async function untilShifted(context: Context, name: string, revision: number, until: number): Promise<boolean> {
  for (;;) {
    if ((await find(context, name)).shiftedRevision >= revision) return true;
    if (performance.now() > until) return false;
    await pause(lookEvery);
  }
}
