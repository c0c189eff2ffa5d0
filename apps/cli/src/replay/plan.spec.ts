import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makePlan, type Plan } from './plan';
import { readStory } from './story';
import { readTable } from './table';

const folder = mkdtempSync(join(tmpdir(), 'rhei-plan-'));
afterAll(() => rmSync(folder, { recursive: true }));

function storyWith(extra: string, seed = 1): string {
  const csv = ['at,shop,amount'];
  for (let hour = 0; hour < 24 * 14; hour++) csv.push(`2024-03-${String(1 + Math.floor(hour / 24)).padStart(2, '0')} ${String(hour % 24).padStart(2, '0')}:30:00,s${hour % 3},${hour}.5`);
  writeFileSync(join(folder, 'sales.csv'), csv.join('\n'));
  const file = join(folder, `story-${seed}.yaml`);
  writeFileSync(file, `
apiVersion: rhei/v1
kind: Story
metadata: {name: sales}
spec:
  resources: [none.yaml]
  data: {file: sales.csv, order: [at, shop]}
  period: {from: 2024-03-01, to: 2024-03-15, step: 6h, time: row.at}
  sample: {rows: 300, seed: ${seed}}
  events:
    - {type: sale.opened, source: till, id: "'o' + string(index)", time: row.at, data: {shop: row.shop, at: row.at}}
    - {type: sale.paid, source: till, id: "'p' + string(index)", time: "row.at + duration('5h')", data: {amount: row.amount}}
  ask: {deployment: tills, on: sale.opened}
  people: {publisher: till}
${extra}`);
  return file;
}

async function planOf(extra = '', { seed = 1, rows = 300, shuffle = false } = {}): Promise<Plan> {
  const story = readStory(storyWith(extra, seed));
  return makePlan(story, await readTable(story, rows), { shuffle });
}
const all = (plan: Plan) => plan.steps.flatMap(({ deliveries }) => deliveries);

describe('a plan', () => {
  it('is the same for the same seed, and another for another', async () => {
    const [one, again, other] = [await planOf(), await planOf(), await planOf('', { seed: 2 })];
    expect(again).toEqual(one);
    expect(other.digest).not.toBe(one.digest);
    expect(all(other).map(({ event }) => event.data)).not.toEqual(all(one).map(({ event }) => event.data));
  });

  it('takes its rows evenly over the period', async () => {
    const plan = await planOf('', { rows: 28 });
    const perDay = new Map<string, number>();
    for (const { event } of all(plan).filter((one) => one.event.type === 'sale.opened')) perDay.set(event.time.slice(0, 10), (perDay.get(event.time.slice(0, 10)) ?? 0) + 1);
    expect([...perDay.values()]).toEqual(Array(14).fill(2));
  });

  it('lets an event arrive at the end of the step in which it happens, and asks at its beginning', async () => {
    for (const { from, to, deliveries, asks } of (await planOf()).steps) {
      const times = [...deliveries.map(({ event }) => event), ...asks].map(({ time }) => Date.parse(time) * 1000);
      expect(times.every((time) => time >= from && time < to)).toBe(true);
    }
  });

  const everything = `  faults:
    duplicates: 0.2
    conflicts: 0.1
    malformed: 0.1
    late: {share: 0.1, by: 1d}
    corrections: [{share: 0.2, after: 2d, event: sale.paid, set: {amount: data.amount + draw, revision: 2}}]
    withdrawals: [{share: 0.1, after: 3d, event: sale.paid, set: {withdrawn: true, revision: 3}}]
    broken: [{from: 2024-03-05, to: 2024-03-07, event: sale.paid, rename: {amount: sum}}]
    poisoned: [{at: 2024-03-09, for: 12h, event: sale.paid, set: {amount: data.amount * 60.0}, corrected: {after: 3d, set: {revision: 2}}}]`;

  it('sends what it counts, so that it is known before what is accepted and what is quarantined', async () => {
    const plan = await planOf(everything);
    const kinds = all(plan).map(({ kind }) => kind);
    const of = (...wanted: string[]) => kinds.filter((kind) => wanted.includes(kind)).length;
    const { counts } = plan;
    expect(counts.sent).toBe(kinds.length);
    expect(counts.sent).toBe(counts.accepted + counts.duplicates + counts.quarantined);
    expect(counts).toMatchObject({
      duplicates: of('duplicate'), conflicts: of('conflict'), malformed: of('malformed'), broken: of('broken'), quarantined: of('conflict', 'malformed', 'broken'),
      corrections: of('correction'), withdrawals: of('withdrawal'), poisoned: of('poisoned'), accepted: of('event', 'correction', 'withdrawal', 'poisoned'),
    });
    for (const count of ['duplicates', 'conflicts', 'malformed', 'broken', 'corrections', 'withdrawals', 'poisoned', 'late'] as const) expect({ count, some: counts[count] > 5 }).toEqual({ count, some: true });
    // What is accepted has an id of its own each; what is quarantined a content of its own.
    const accepted = all(plan).filter(({ kind }) => ['event', 'correction', 'withdrawal', 'poisoned'].includes(kind)).map(({ event }) => event.id);
    const quarantined = all(plan).filter(({ kind }) => ['conflict', 'malformed', 'broken'].includes(kind)).map(({ event }) => JSON.stringify(event));
    expect(new Set(accepted).size).toBe(counts.accepted);
    expect(new Set(quarantined).size).toBe(counts.quarantined);
  });

  it('plans the same events whether or not other faults happen to other events', async () => {
    const [plain, faulty] = [await planOf(), await planOf(everything)];
    const untouched = (plan: Plan) => new Map(all(plan).filter(({ kind }) => kind === 'event').map(({ event }) => [event.id, event]));
    const before = untouched(plain);
    for (const [id, event] of untouched(faulty)) expect(event).toEqual(before.get(id));
  });

  const stepOfEvent = (plan: Plan, id: string): number => plan.steps.findIndex(({ deliveries }) => deliveries.some(({ event, kind }) => event.id === id && kind !== 'duplicate'));

  it('delivers what is late a day after it would have come, and only of the types that are named', async () => {
    const [plain, late] = [await planOf(), await planOf('  faults: {late: {share: 0.2, by: 1d, events: [sale.paid]}}')];
    const moved = all(late).filter(({ event }) => stepOfEvent(late, event.id) !== stepOfEvent(plain, event.id)).map(({ event }) => event);
    expect(moved.length).toBe(late.counts.late);
    expect(moved.length).toBeGreaterThan(20);
    expect(new Set(moved.map(({ type }) => type))).toEqual(new Set(['sale.paid']));
    expect(new Set(moved.map(({ id }) => stepOfEvent(late, id) - stepOfEvent(plain, id)))).toEqual(new Set([4]));
  });

  it('corrects a fact by a second event with another id at the time of the fact', async () => {
    const plan = await planOf(everything);
    const paid = new Map(all(plan).filter(({ kind }) => kind === 'event').map(({ event }) => [event.id, event]));
    const corrections = all(plan).filter(({ kind, event }) => kind === 'correction' && event.id.endsWith('-correction-1'));
    expect(corrections.length).toBeGreaterThan(10);
    for (const { event } of corrections.filter((one) => paid.has(one.event.id.replace('-correction-1', '')))) {
      const fact = paid.get(event.id.replace('-correction-1', ''))!;
      const [now, before] = [event.data as { amount: number; revision: number }, fact.data as { amount: number }];
      expect(event).toMatchObject({ time: fact.time, type: fact.type, source: fact.source });
      expect(now.revision).toBe(2);
      expect(now.amount - before.amount).toBeGreaterThanOrEqual(0);
      expect(now.amount - before.amount).toBeLessThan(1);
    }
    // The draw is of the event, not one for all.
    expect(new Set(corrections.map(({ event }) => (event.data as { amount: number }).amount % 1)).size).toBeGreaterThan(10);
  });

  it('breaks what is written while the contract is broken, corrections too, and nothing else', async () => {
    const plan = await planOf(everything);
    const broken = all(plan).filter(({ kind }) => kind === 'broken').map(({ event }) => event);
    for (const { data } of broken) expect(Object.keys(data as object)).toEqual(expect.arrayContaining(['sum']));
    const originals = broken.filter(({ id }) => !id.includes('-'));
    expect(originals.every(({ time }) => time >= '2024-03-05' && time < '2024-03-07')).toBe(true);
    expect(all(plan).filter(({ kind, event }) => kind === 'event' && event.type === 'sale.paid').every(({ event: { time } }) => time < '2024-03-05' || time >= '2024-03-07')).toBe(true);
  });

  it('sends what happens in a stated time with wrong values, and the true ones as revisions after the time that the story says', async () => {
    const plan = await planOf(everything);
    const plain = new Map(all(await planOf()).map(({ event }) => [event.id, event]));
    const poisoned = all(plan).filter(({ kind }) => kind === 'poisoned').map(({ event }) => event);
    expect(poisoned.length).toBe(plan.counts.poisoned);
    expect(poisoned.every(({ time }) => time >= '2024-03-09T00:00' && time < '2024-03-09T12:00')).toBe(true);
    for (const { id, data } of poisoned) {
      const truth = plain.get(id)!.data as { amount: number };
      expect(data).toEqual({ amount: truth.amount * 60 });
      const corrected = all(plan).find(({ event }) => event.id === `${id}-corrected`)!;
      expect(corrected.event.data).toEqual({ ...truth, revision: 2 });
    }
  });

  it('asks about what is true, also where what is sent about it is wrong', async () => {
    const plan = await planOf('  faults: {broken: [{from: 2024-03-05, to: 2024-03-07, event: sale.opened, unset: [shop]}]}');
    const asked = plan.steps.flatMap(({ asks }) => asks);
    expect(asked.length).toBe(plan.counts.asked);
    expect(asked.every(({ data }) => (data as { shop?: string }).shop !== undefined)).toBe(true);
  });

  it('names every fault of a story with its path', async () => {
    const wrong = `  faults:
    late: {share: 2, by: 1d, events: [sale.lost]}
    broken: [{from: 2024-03-05, to: 2024-03-07, event: sale.paid}]`;
    await expect(planOf(wrong)).rejects.toThrow(/\/spec\/faults\/late\/share.*\/spec\/faults\/broken\/0: changes nothing/s);
    await expect(planOf('  faults: {late: {share: 0.1, by: 1d, events: [sale.lost]}}')).rejects.toThrow(/\/spec\/faults\/late\/events\/0: names the event "sale.lost"; the story has sale.opened, sale.paid/);
    await expect(planOf('  faults: {corrections: [{share: 0.1, after: 1d, event: sale.paid, set: {amount: data.amount +}}]}')).rejects.toThrow(/faults, corrections 1, set amount/);
  });

  it('never sends two broken events that look alike', async () => {
    const plan = await planOf('  faults: {malformed: 0.5}');
    const broken = all(plan).filter(({ kind }) => kind === 'malformed').map(({ event }) => JSON.stringify([event.id, event.data]));
    expect(new Set(broken).size).toBe(broken.length);
  });

  it('changes the world where the story says so', async () => {
    const plan = await planOf(`  alter: [{from: 2024-03-08, to: 2024-03-15, set: {amount: row.amount + 1000.0}}]`);
    const paid = all(plan).filter(({ event }) => event.type === 'sale.paid').map(({ event }) => (event.data as { amount: number }).amount);
    expect(paid.filter((amount) => amount > 1000).length).toBeGreaterThan(100);
    expect(paid.filter((amount) => amount < 1000).length).toBeGreaterThan(100);
  });

  it('lets chance change the world, by a draw of each row', async () => {
    const plan = await planOf(`  alter: [{from: 2024-03-08, to: 2024-03-15, set: {amount: 'draw < 0.3 ? 1.0 : 0.0'}}]`);
    const paid = all(plan).filter(({ event }) => event.type === 'sale.paid' && event.time >= '2024-03-08T06').map(({ event }) => (event.data as { amount: number }).amount);
    const share = paid.filter((amount) => amount === 1).length / paid.length;
    expect(paid.every((amount) => amount === 1 || amount === 0)).toBe(true);
    expect(share).toBeGreaterThan(0.18);
    expect(share).toBeLessThan(0.42);
  });

  it('moves whole days among those of one weekday when days are shuffled', async () => {
    const [plan, shuffled] = [await planOf(), await planOf('', { shuffle: true })];
    const byWeekday = (one: Plan) => all(one).filter(({ event }) => event.type === 'sale.opened').map(({ event }) => new Date(event.time).getUTCDay()).sort();
    expect(byWeekday(shuffled)).toEqual(byWeekday(plan));
    expect(shuffled.digest).not.toBe(plan.digest);
  });

  it('says which expression of the story is wrong', async () => {
    await expect(planOf(`  alter: [{from: 2024-03-08, to: 2024-03-15, set: {amount: row.amout}}]`)).rejects.toThrow(/alter amount.*amout/s);
  });
});
