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

  it('sends what it counts', async () => {
    const plan = await planOf('  faults: {duplicates: 0.2, conflicts: 0.1, malformed: 0.1, late: {share: 0.1, by: 1d}}');
    const kinds = all(plan).map(({ kind }) => kind);
    expect(plan.counts.sent).toBe(kinds.length);
    for (const kind of ['duplicate', 'conflict', 'malformed'] as const) {
      expect(plan.counts[`${kind}s` as 'duplicates'] ?? plan.counts.malformed).toBe(kinds.filter((one) => one === kind).length);
    }
    expect(plan.counts.duplicates).toBeGreaterThan(30);
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
