import { RheiError, runtime, serviceNames } from '@rhei/contracts';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { applyFiles } from '../apply-files';
import { call, clientByService, findTarget, readTokenFile, readTokens, type Target, type TargetFlags } from '../connect';
import { closingWords, Display } from './display';
import { openDoors, patiently, type Doors } from './doors';
import { makePlan, type Plan } from './plan';
import { ProgressFile } from './progress-file';
import { reportPage } from './page/report-page';
import { makeReport, type Report } from './report';
import { moveClock, settle } from './settle';
import { walk, type Watcher } from './steps';
import { readStory, withoutChange, withSeed, type Story } from './story';
import { readTable } from './table';

export interface ReplayOptions extends TargetFlags {
  story: string;
  rows?: number;
  /** Instead of the story's own. */
  seed?: number;
  report?: string;
  /** A folder for the report as a page of Markdown with its plots. */
  reportDir?: string;
  /** Print the plan's counts and digest, and do nothing. */
  plan?: boolean;
  /** A JSON file of tokens by principal; default: the data folder's. */
  tokens?: string;
  /** Where the progress is kept; default: the data folder. */
  state?: string;
  shuffleDays?: boolean;
}

/** Replays a story through a platform whose clock is virtual. Resumes what was interrupted. Errors: those of the table. */
export async function replay(options: ReplayOptions, env: Record<string, string | undefined>, out: NodeJS.WriteStream, err: NodeJS.WriteStream): Promise<Report | undefined> {
  const story = storyFor(options);
  const rows = options.rows ?? story.spec.sample.rows;
  err.write(`Reading ${story.spec.data.file} and planning ${rows} rows …\n`);
  const plan = makePlan(story, await readTable(story, rows), { shuffle: options.shuffleDays ?? false });
  if (options.plan === true) {
    out.write(`${JSON.stringify({ story: story.name, plan: plan.digest, steps: plan.steps.length, ...plan.counts }, null, 2)}\n`);
    return undefined;
  }
  const folder = options.data ?? env.RHEI_DATA ?? '.rhei';
  const file = new ProgressFile(options.state ?? join(folder, 'story.json'));
  const from = file.resume(plan.digest, story.name);
  const target = findTarget({ ...options, as: 'admin' }, env);
  await checkClock(target);
  const doors = openDoors(target, tokensFor(story, options, folder, target.token));
  try {
    if (from.phase === 'apply') await begin(doors, story, plan, file);
    else err.write(`Going on at step ${from.step + 1} of ${plan.steps.length}, phase "${from.phase}".\n`);
    return await run(doors, story, plan, file, from, options, rows, err, out);
  } finally {
    doors.close();
  }
}

/** The story as the options want it told. */
function storyFor({ story: file, seed, shuffleDays }: ReplayOptions): Story {
  const read = readStory(file);
  const seeded = seed === undefined ? read : withSeed(read, seed);
  return shuffleDays === true ? withoutChange(seeded) : seeded;
}

async function begin(doors: Doors, story: Story, plan: Plan, file: ProgressFile): Promise<void> {
  await file.write({ plan: plan.digest, story: story.name, step: 0, phase: 'apply' });
  await moveClock(doors, story.spec.period.from);
  await settle(doors);
  await applyFiles(doors.resources, story.spec.resources.map((resource) => resolve(story.folder, resource)), doors.tokens.developer);
  await settle(doors);
}

async function run(
  doors: Doors, story: Story, plan: Plan, file: ProgressFile, from: { step: number; phase: Parameters<typeof walk>[1]['phase'] },
  options: ReplayOptions, rows: number, err: NodeJS.WriteStream, out: NodeJS.WriteStream,
): Promise<Report> {
  const started = performance.now();
  const display = new Display(doors, plan, err);
  const by: Record<string, number> = {};
  const watcher: Watcher = {
    stepped: (step, index, settled) => display.stepped(step, index, settled),
    spent: (what, seconds) => { by[what] = (by[what] ?? 0) + seconds; },
    said: (text) => display.say(text),
  };
  await walk({ doors, story, plan, file, watcher }, from);
  display.end();
  const last = await settle(doors);
  const report = await makeReport(doors, story, plan, {
    seconds: (performance.now() - started) / 1000, by, byService: last.work, shuffle: options.shuffleDays ?? false, deadLetters: last.deadLetters, parked: last.parked,
  });
  if (options.report !== undefined) writeFile(options.report, `${JSON.stringify(report, null, 2)}\n`);
  const page = options.reportDir === undefined ? undefined : writePage(report, options.reportDir);
  out.write(closingWords(report, page));
  if (last.parked + last.deadLetters > 0) {
    throw new RheiError('internal', `The story ended with ${last.deadLetters} dead letters and ${last.parked} parked keys.`, { hint: '"rhei status" names them' });
  }
  if (report.unmet.length > 0) {
    const text = `The story's expectations that do not hold:\n${report.unmet.map((rule) => `  ${rule}`).join('\n')}\n`;
    // What the full sample of its own seed promises, fewer rows or others cannot: then it is said and does not fail.
    if (rows >= story.spec.sample.rows && options.seed === undefined && options.shuffleDays !== true) throw new RheiError('gate_not_met', text.trimEnd(), { reason: 'EXPECTATION_UNMET' });
    err.write(text);
  }
  return report;
}

function writeFile(file: string, text: string): void {
  mkdirSync(dirname(resolve(file)), { recursive: true });
  writeFileSync(file, text);
}

/** Writes the page and its plots, and says where it is. */
function writePage(report: Report, folder: string): string {
  for (const { name, text } of reportPage(report)) writeFile(join(folder, name), text);
  return resolve(folder, 'report.md');
}

function tokensFor(story: Story, options: ReplayOptions, folder: string, admin: string): Doors['tokens'] {
  const { people } = story.spec;
  const tokens = options.tokens === undefined ? readTokens(folder) : readTokenFile(options.tokens);
  const find = (name: string): string => {
    const token = tokens?.[name];
    if (token === undefined) throw new RheiError('unauthenticated', `The story speaks as "${name}", of whom no token is known.`, {
      field: 'people', expected: 'a token of each that the story names', got: `none of ${name}`, hint: 'name the file of tokens with --tokens FILE',
    });
    return token;
  };
  return {
    admin, developer: find(people.developer), publisher: find(people.publisher),
    application: people.application === undefined ? undefined : find(people.application),
    approver: people.approver === undefined ? undefined : find(people.approver.as),
    people: Object.fromEntries(people.acts.map(({ as }) => [as, find(as)])),
  };
}

/** Looked at first: a platform in real use knows nobody of the story. */
async function checkClock(target: Target): Promise<void> {
  const control = clientByService(runtime.ReplayControlClient, target);
  try {
    await Promise.all(serviceNames.map((service) => patiently('look at its clock', () => call(control, control.getProgress, { service }, { token: target.token }))));
  } catch (error) {
    if (error instanceof RheiError && error.code === 'not_found') {
      throw new RheiError('invalid', 'This platform runs on the system clock; a story needs a virtual one.', {
        field: 'clock', expected: 'a virtual clock', got: 'the system clock', hint: '"npm start -- --story FILE --data DIR" starts one in a new folder; deployed, CLOCK=replay makes one of new volumes',
      });
    }
    throw error;
  } finally {
    control.close();
  }
}
