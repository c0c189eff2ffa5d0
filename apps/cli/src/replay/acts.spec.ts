import { RheiError } from '@rhei/contracts';
import { status, type ServiceError } from '@grpc/grpc-js';
import { parseInstant } from '@rhei/expressions';
import { actsOf } from './acts';
import type { Doors } from './doors';
import type { Act, Story } from './story';

const noon = parseInstant('2024-03-05T12:00:00Z');
type Method = (request: Record<string, unknown>) => unknown;

/** Doors that note what they are asked, and answer or refuse. */
function doorsWith(methods: Record<string, Method>): { doors: Doors; asked: [string, Record<string, unknown>][] } {
  const asked: [string, Record<string, unknown>][] = [];
  const client = Object.fromEntries(Object.entries(methods).map(([name, method]) => [
    name,
    (request: Record<string, unknown>, _metadata: unknown, _options: unknown, answer: (error: ServiceError | null, response?: unknown) => void) => {
      asked.push([name, request]);
      try {
        answer(null, method(request));
      } catch (error) {
        answer(error as ServiceError);
      }
    },
  ]));
  const withChannel = { ...client, getChannel: () => ({ getTarget: () => 'test' }) };
  const doors = { tokens: { admin: 'a', people: { ann: 'x' } }, training: withChannel, ingestion: withChannel, serving: withChannel, operations: withChannel } as unknown as Doors;
  return { doors, asked };
}
const refused = (code: status, details: string) => Object.assign(new Error(details), { code, details });

async function perform(act: Partial<Act>, methods: Record<string, Method>): Promise<{ asked: [string, Record<string, unknown>][]; said: string[] }> {
  const { doors, asked } = doorsWith(methods);
  const said: string[] = [];
  const story = { name: 's', folder: '/', spec: { sample: { seed: 1 }, people: { acts: [{ at: noon, as: 'ann', ...act }] } } } as unknown as Story;
  const [one] = actsOf(doors, story, (text) => said.push(text));
  await one.perform();
  return { asked, said };
}

const quarantined = (id: string, data: unknown) => ({ id, eventId: `e${id}`, original: Buffer.from(JSON.stringify({ data })) });
const listing = (events: unknown[]): Method => ({ after }) => ({ events: after === '' ? events : [], total: events.length });
const contents = (mended: unknown): [string, unknown][] => (mended as { id: string; dataJson: string }[]).map(({ id, dataJson }) => [id, JSON.parse(dataJson)]);
const fix = (more: object = {}) => ({ quarantine: { reason: 'renamed', fix: { source: 's', type: 'e', rename: { sum: 'amount' }, unset: [], set: {}, ...more } } });

describe('an act of a story', () => {
  it('starts the same run however often it is done', async () => {
    const run = { run: { plan: 'p', reason: 'why not' } };
    const { asked: [[, first]] } = await perform(run, { startRun: () => ({}) });
    const { asked: [[, second]] } = await perform(run, { startRun: () => ({}) });
    expect(first).toMatchObject({ plan: 'p', reason: 'why not', requestId: 's/act-1' });
    expect(second).toEqual(first);
  });

  it('mends the open events of a type, and of them only those that are meant', async () => {
    const events = [quarantined('2', { sum: 5, shop: 'a' }), quarantined('1', { sum: 4 }), quarantined('3', { malformed: 0 })];
    const { asked } = await perform(fix({ when: 'has(data.sum)' }), { listQuarantine: listing(events), replayQuarantined: () => ({}) });
    expect(asked[0]).toEqual(['listQuarantine', expect.objectContaining({ source: 's', type: 'e', state: 'open' })]);
    expect(asked.filter(([name]) => name === 'replayQuarantined').map(([, { ids, mended, reason }]) => [ids, contents(mended), reason]))
      .toEqual([[[], [['1', { amount: 4 }], ['2', { shop: 'a', amount: 5 }]], 'renamed']]);
  });

  it('leaves in quarantine what it cannot compute, and mends the others', async () => {
    const events = [quarantined('1', { sum: 4 }), quarantined('2', {}), quarantined('3', { sum: -1 })];
    const { asked, said } = await perform(fix({ rename: {}, set: { amount: 'data.sum * 2.0' } }), { listQuarantine: listing(events), replayQuarantined: () => ({}) });
    expect(asked.filter(([name]) => name === 'replayQuarantined').map(([, { mended }]) => contents(mended).map(([id]) => id))).toEqual([['1', '3']]);
    expect(said).toEqual([]);
  });

  it('gives events another try as they are, many in one call', async () => {
    const events = Array.from({ length: 1_250 }, (_, index) => quarantined(String(index + 1), {}));
    const { asked } = await perform({ quarantine: { reason: 'the contract was mended', replay: { source: 's', type: 'e' } } }, { listQuarantine: listing(events), replayQuarantined: () => ({}) });
    const tries = asked.filter(([name]) => name === 'replayQuarantined').map(([, { ids }]) => ids as string[]);
    expect(tries.map(({ length }) => length)).toEqual([500, 500, 250]);
    expect(new Set(tries.flat()).size).toBe(1_250);
  });

  it('goes back once, though it is done again after a crash', async () => {
    const decisions = (by: string) => ({ service, after }: Record<string, unknown>) =>
      ({ decisions: service === 'serving' && after === 0 ? [{ sequence: 1, asOf: noon, by, action: 'roll-back', subject: 'deployment/d' }] : [] });
    const act = { rollback: { deployment: 'd', reason: 'too many complaints' } };
    const again = await perform(act, { listDecisions: decisions('ann'), rollback: () => ({}) });
    const first = await perform(act, { listDecisions: decisions('guard'), rollback: () => ({}) });
    expect(again.asked.map(([name]) => name)).not.toContain('rollback');
    expect(first.asked.find(([name]) => name === 'rollback')![1]).toMatchObject({ deployment: 'd', reason: 'too many complaints' });
  });

  it('says who was refused what, and the story goes on', async () => {
    const { said } = await perform({ run: { plan: 'p', reason: 'r' } }, { startRun: () => { throw refused(status.NOT_FOUND, 'There is no plan "p".'); } });
    expect(said).toEqual([expect.stringMatching(/^2024-03-05T12:00:00Z ann was refused: .*There is no plan "p"\./)]);
  });

  it('does not go on when something is broken', async () => {
    await expect(perform({ run: { plan: 'p', reason: 'r' } }, { startRun: () => { throw refused(status.INTERNAL, 'a bug'); } })).rejects.toBeInstanceOf(RheiError);
  });

  it('is refused before the story begins when an expression is wrong', async () => {
    await expect(perform(fix({ when: 'data.' }), {})).rejects.toThrow(/people, act 1, when/);
    await expect(perform(fix({ set: { amount: 'row.x' } }), {})).rejects.toThrow(/people, act 1, set amount/);
  });
});
