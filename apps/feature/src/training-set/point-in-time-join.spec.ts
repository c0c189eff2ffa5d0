import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { canonicalJson, hashUnit, sha256 } from '@rhei/expressions';
import { buildChild } from '../../spec/built-child';
import { expired, ttlAt, type TtlFrom } from '../view/feature-view';
import type { JoinExample, JoinPlan, JoinValue } from './join-plan';
import { JoinFailed, joinPointInTime } from './point-in-time-join';

const directory = mkdtempSync(join(tmpdir(), 'rhei-join-spec-'));
const options = { timeout: 20_000, directory, signal: new AbortController().signal };

beforeAll(buildChild, 60_000);
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const ttls: Record<string, TtlFrom[]> = { never: [{ from: 0, ttl: undefined }], always: [{ from: 0, ttl: 40 }], changed: [{ from: 0, ttl: 20 }, { from: 500, ttl: undefined }, { from: 800, ttl: 5 }] };
const plan: JoinPlan = {
  features: [{ name: 'asked', kind: 'request' }, ...Object.entries(ttls).map(([view, ttl]) => ({ name: view, kind: 'view' as const, view, ttls: ttl })), { name: 'again', kind: 'view', view: 'never', ttls: ttls.never }],
  request: [{ name: 'distance', type: 'DOUBLE' }, { name: 'lane', type: 'VARCHAR' }, { name: 'planned', type: 'BIGINT' }],
};
const within = (purpose: string, id: number, below: number): number => Math.floor(hashUnit(11, purpose, id) * below);
const entities = ['a', 'b\n', "it's, \"so\"\r\n", 'é', '\u{1f600}', ''];

const values = [...new Map(Array.from({ length: 3_000 }, (_, index): JoinValue => {
  const knownAt = within('known', index, 1_000);
  return { view: Object.keys(ttls)[within('view', index, 3)], entity: entities[within('entity', index, 5)], knownAt, eventTime: knownAt - within('delay', index, 60), value: hashUnit(11, 'value', index) / 3 };
}).map((row) => [`${row.view} ${row.entity} ${row.knownAt}`, row])).values()];
const examples = Array.from({ length: 400 }, (_, index): JoinExample => {
  const asOf = within('as-of', index, 1_100) - 50;
  const entity = (purpose: string): string => entities[within(purpose, index, 6)];
  return { example: `x${index % 2 === 0 ? '\ufb33' : '\u{1f600}'}${index}`, asOf, exampleTime: asOf + within('later', index, 9), label: index % 3 === 0 ? 1 : 0, features: [hashUnit(11, 'asked', index), entity('e1'), entity('e2'), entity('e3'), entity('e4')], request: [index / 7, entity('lane'), asOf + 7] };
});

/** The newest known row by looking at all of them, and its TTL. */
function oracle(view: string, entity: string, asOf: number): number | null {
  let newest: JoinValue | undefined;
  for (const row of values) if (row.view === view && row.entity === entity && row.knownAt <= asOf && (newest === undefined || row.knownAt > newest.knownAt)) newest = row;
  return newest === undefined || expired(asOf - newest.eventTime, ttlAt(ttls[view], asOf)) ? null : newest.value;
}

async function* pagesOf<T>(rows: readonly T[], size = 250): AsyncGenerator<T[]> {
  for (let at = 0; at < rows.length; at += size) yield rows.slice(at, at + size);
}

describe('the point-in-time join', () => {
  it('equals the brute-force oracle on every row, to the bit, in the order of (as-of, example)', async () => {
    const { summary, parquet } = await joinPointInTime(plan, pagesOf(examples), pagesOf(values), options);
    const sorted = [...examples].sort((a, b) => a.asOf - b.asOf || Buffer.compare(Buffer.from(a.example), Buffer.from(b.example)));
    const lines = sorted.map(({ example, asOf, label, features: [asked, never, always, changed, again] }) => canonicalJson({
      example, asOf, label,
      features: { asked, never: oracle('never', `${never}`, asOf), always: oracle('always', `${always}`, asOf), changed: oracle('changed', `${changed}`, asOf), again: oracle('never', `${again}`, asOf) },
    }));
    expect(lines.filter((line) => line.includes('null')).length).toBeGreaterThan(50);
    expect(lines.filter((line) => !line.includes('null')).length).toBeGreaterThan(30);
    expect(summary).toMatchObject({ rows: 400, from: sorted[0].asOf, to: sorted.at(-1)!.asOf, rowsDigest: sha256(`${lines.join('\n')}\n`), bytes: parquet.length });
    expect(summary.columns.map(({ name }) => name)).toEqual(['example', 'as_of', 'example_time', 'label', 'f_asked', 'f_never', 'f_always', 'f_changed', 'f_again', 'r_distance', 'r_lane', 'r_planned']);
    expect(parquet.subarray(0, 4).toString()).toBe('PAR1');

    const backwards = await joinPointInTime(plan, pagesOf([...examples].reverse(), 33), pagesOf([...values].reverse(), 999), options);
    expect(backwards.parquet.equals(parquet)).toBe(true);
    expect(readdirSync(directory)).toEqual([]);
  });

  it('expires a value one microsecond after its TTL, and never without one', async () => {
    const row = (view: string): JoinValue => ({ view, entity: 'a', knownAt: 0, eventTime: 0, value: 1 });
    const at = (asOf: number): JoinExample => ({ example: `${asOf}`, asOf, exampleTime: asOf, label: 0, features: [0, 'a', 'a', '', ''], request: [0, '', 0] });
    const { summary } = await joinPointInTime(plan, pagesOf([at(39), at(40), at(41)]), pagesOf([row('never'), row('always')]), options);
    const line = (asOf: number, always: number | null): string => `${canonicalJson({ example: `${asOf}`, asOf, label: 0, features: { asked: 0, never: 1, always, changed: null, again: null } })}\n`;
    expect(summary.rowsDigest).toBe(sha256(line(39, 1) + line(40, 1) + line(41, null)));
  });

  it('has nothing where an entity has lost all that it had, and where a value has none', async () => {
    const row = (knownAt: number, value: number | null, eventTime = knownAt): JoinValue => ({ view: 'never', entity: 'a', knownAt, eventTime, value });
    const at = (asOf: number): JoinExample => ({ example: `${asOf}`, asOf, exampleTime: asOf, label: 0, features: [0, 'a', '', '', ''], request: [0, '', 0] });
    const { summary } = await joinPointInTime(plan, pagesOf([at(1), at(2), at(3)]), pagesOf([row(1, 7), row(2, null, 0), row(3, null)]), options);
    const line = (asOf: number, never: number | null): string => `${canonicalJson({ example: `${asOf}`, asOf, label: 0, features: { asked: 0, never, always: null, changed: null, again: null } })}\n`;
    expect(summary.rowsDigest).toBe(sha256(line(1, 7) + line(2, null) + line(3, null)));
  });

  it('gives a file without rows where there are no examples', async () => {
    const { summary, parquet } = await joinPointInTime(plan, pagesOf<JoinExample>([]), pagesOf(values), options);
    expect(summary).toMatchObject({ rows: 0, from: null, to: null, rowsDigest: sha256('') });
    expect(parquet.length).toBe(summary.bytes);
  });

  it('fails with what the child says', async () => {
    const broken: JoinExample = { ...examples[0], features: ['not a number', 'a', 'a', 'a', 'a'] };
    await expect(joinPointInTime(plan, pagesOf([broken]), pagesOf(values), options)).rejects.toThrow(JoinFailed);
  });

  it('kills a child that takes too long', async () => {
    async function* stuck(): AsyncGenerator<JoinExample[]> {
      await new Promise((resolve) => setTimeout(resolve, 1_500));
    }
    await expect(joinPointInTime(plan, stuck(), pagesOf(values), { ...options, timeout: 300 })).rejects.toThrow('killed (SIGKILL): it took longer than 0.3 s');
  });

  it('ends with its parent’s wish', async () => {
    const stop = new AbortController();
    const joined = joinPointInTime(plan, pagesOf(examples), pagesOf(values), { ...options, signal: stop.signal });
    stop.abort();
    await expect(joined).rejects.toThrow('aborted');
  });
});
