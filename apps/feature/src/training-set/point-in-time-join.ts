import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { recordSpan } from '@rhei/runtime';
import { csvLine, exampleColumns, valueColumns, type JoinExample, type JoinPhase, type JoinPlan, type JoinSummary, type JoinTable, type JoinValue, type PageHead } from './join-plan';

/** The child did not bring the join to its end. */
export class JoinFailed extends Error {}

export interface JoinOptions {
  /** Milliseconds after which the child is killed. */
  timeout: number;
  /** Where the child may make a folder for its files. */
  directory: string;
  signal: AbortSignal;
}

export interface Joined {
  summary: JoinSummary;
  phases: JoinPhase[];
  parquet: Buffer;
}

// The compiled script: this file may itself be read as TypeScript by a test.
const script = join(__dirname, '..', '..', 'dist', 'training-set', 'join-child.js');
const most = 16 * 1024;

/**
 * Joins examples and value rows in a child process. Both are taken page by page, as fast as the child reads.
 * Errors: {@link JoinFailed} when the child fails, dies or takes too long; an AbortError after `signal`.
 */
export async function joinPointInTime(plan: JoinPlan, examples: AsyncIterable<JoinExample[]>, values: AsyncIterable<JoinValue[]>, options: JoinOptions): Promise<Joined> {
  // No variable of this service reaches the child: it needs none, and some are secret.
  const child = spawn(process.execPath, [script, options.directory], { env: {}, stdio: ['pipe', 'pipe', 'pipe'], timeout: options.timeout, killSignal: 'SIGKILL', signal: options.signal });
  const output: Buffer[] = [];
  let complaint = '';
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => (complaint = (complaint + chunk.toString()).slice(-most)));
  child.stdin.on('error', () => undefined);
  const closed = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  closed.catch(() => undefined);
  try {
    await Promise.race([feed(child, plan, examples, values), closed]);
    const [code, signal] = await closed;
    if (code !== 0) throw new JoinFailed(reasonOf(code, signal, complaint, options.timeout));
  } finally {
    child.kill('SIGKILL');
  }
  return split(Buffer.concat(output));
}

async function feed(child: ChildProcess, plan: JoinPlan, examples: AsyncIterable<JoinExample[]>, values: AsyncIterable<JoinValue[]>): Promise<void> {
  const write = async (bytes: Buffer): Promise<void> => {
    if (child.stdin!.write(bytes) || child.exitCode !== null) return;
    const settled = new AbortController();
    await Promise.race([once(child.stdin!, 'drain', settled), once(child, 'close', settled)]).finally(() => settled.abort());
  };
  const writePage = (table: JoinTable, lines: string[]): Promise<void> => {
    const page = Buffer.from(lines.join(''));
    return write(Buffer.concat([Buffer.from(`${JSON.stringify({ table, bytes: page.length } satisfies PageHead)}\n`), page]));
  };
  await write(Buffer.from(`${JSON.stringify(plan)}\n`));
  const columns = exampleColumns(plan);
  for await (const page of examples) {
    await writePage('examples', page.map(({ example, asOf, exampleTime, label, features, request }) => csvLine(columns, [example, asOf, exampleTime, label, ...features, ...request])));
  }
  for await (const page of values) {
    await writePage('values', page.map(({ view, entity, knownAt, eventTime, value }) => csvLine(valueColumns, [view, entity, knownAt, eventTime, value])));
  }
  await write(Buffer.from('end\n'));
  child.stdin!.end();
}

function reasonOf(code: number | null, signal: NodeJS.Signals | null, complaint: string, timeout: number): string {
  if (signal !== null) return `The join was killed (${signal}): it took longer than ${timeout / 1_000} s, or more memory than there was.`;
  return `The join failed${complaint === '' ? ` with exit code ${code}` : `: ${complaint.trim()}`}.`;
}

function split(output: Buffer): Joined {
  const end = output.indexOf('\n');
  const told = end === -1 ? undefined : JSON.parse(output.toString('utf8', 0, end)) as JoinSummary & { phases: JoinPhase[] };
  if (told === undefined || output.length - end - 1 !== told.bytes) throw new JoinFailed('The join ended before its result was complete.');
  const { phases, ...summary } = told;
  for (const { name, from, to } of phases) recordSpan(name, from, to);
  return { summary, phases, parquet: output.subarray(end + 1) };
}
