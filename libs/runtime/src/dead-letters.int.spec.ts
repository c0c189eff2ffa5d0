import { feature, ingestion, invalid, runtime } from '@rhei/contracts';
import { startServices, type RunningServices } from '@rhei/testing';
import { z } from 'zod';
import { verifyChain } from './decision-log';
import { call, connect } from './peers';
import { service, shared } from './service';

let fixed = false;
const hearer = service({
  name: 'feature', config: z.object({}), migrations: [], deps: () => ({}),
  on: [shared<object, 'SourceApplied'>('SourceApplied', async (_deps, { payload: { name } }, tx) => {
    if (name === 'bad' && !fixed) throw invalid('This one is not right.');
    await tx.emit('FeatureSetApplied', name, feature.FeatureSetApplied.fromPartial({ name }));
  })],
});
const silent = service({ name: 'ingestion', config: z.object({}), migrations: [], deps: () => ({}) });

describe('dead letters of a running service', () => {
  let running: RunningServices;
  let client: runtime.OperationsServiceClient;
  const { list, get, replay, drop } = {
    list: (more: Partial<runtime.ListDeadLettersRequest> = {}, as = 'aud') => ask(as, 'listDeadLetters', { service: 'feature', eventType: '', class: '', olderThan: 0, after: '', limit: 0, ...more }),
    get: (id: string) => ask('aud', 'getDeadLetter', { service: 'feature', id }),
    replay: (id: string, as = 'oper', reason = '') => ask(as, 'replayDeadLetter', { service: 'feature', id, reason }),
    drop: (id: string, reason: string, as = 'oper') => ask(as, 'dropDeadLetter', { service: 'feature', id, reason }),
  };
  const ask = async (as: string, method: string, request: object): Promise<any> => {
    client = connect(runtime.OperationsServiceClient, running.grpc, running.token(as));
    return call(client, method as 'getStatus', request as never, { deadline: 20_000 }).finally(() => client.close());
  };
  const said = (key: string, name: string) => running.publish('SourceApplied', key, ingestion.SourceApplied.fromPartial({ name }));
  const decisions = async () => (await ask('aud', 'listDecisions', { service: 'feature', after: 0, limit: 0, subject: '' })).decisions as runtime.Decision[];
  beforeAll(async () => {
    running = await startServices([hearer, silent], { clock: 'replay', at: 0 });
  });
  afterAll(() => running?.stop());
  beforeEach(async () => {
    fixed = false;
    for (const name of ['bad', 'behind']) await said('x', name);
    await said('y', 'other');
    await running.settle();
  });

  it('are listed, filtered and shown as they came', async () => {
    const { deadLetters: [letter], total } = await list();
    expect(total).toBe(1);
    expect(letter).toMatchObject({ eventType: 'rhei.ingestion.source-applied.v1', class: 'refused', attempts: 1, parks: true, waiting: 1, key: 'x', reason: 'This one is not right.' });
    expect((await list({ class: 'crashed' })).total).toBe(0);
    expect((await list({ olderThan: 3_600_000_000 })).total).toBe(0);
    await expect(list({ class: 'strange' })).rejects.toMatchObject({ code: 'invalid', message: expect.stringContaining('undecodable') });
    const shown = await get(letter.id);
    expect(shown).toMatchObject({ payloadJson: '{"name":"bad"}', unreadable: '', headers: { ce_id: letter.eventId }, digest: expect.stringMatching(/^[0-9a-f]{64}$/), waitingEventIds: [expect.any(String)] });
    expect(ingestion.SourceApplied.decode(shown.payload)).toMatchObject({ name: 'bad' });
    await expect(get('77777')).rejects.toMatchObject({ code: 'not_found' });
    await expect(get('x')).rejects.toMatchObject({ code: 'invalid' });
    await drop(letter.id, 'over');
  });

  it('are replayed by an operator, on the record, with what their bytes were', async () => {
    const { deadLetters: [letter] } = await list();
    const { digest } = await get(letter.id);
    const before = (await decisions()).length;
    expect(await replay(letter.id)).toMatchObject({ applied: 0, stoppedAt: { id: letter.id, state: 'failed', reason: 'This one is not right.' } });
    fixed = true;
    expect(await replay(letter.id, 'oper', 'the rule was wrong')).toEqual({ applied: 2, stoppedAt: undefined });
    await running.settle();
    expect(running.published('FeatureSetApplied').map(({ name }) => name).slice(-3)).toEqual(['other', 'bad', 'behind']);
    const written = await decisions();
    expect(verifyChain(written)).toMatchObject({ ok: true });
    expect(written.slice(before).map(({ action, by, subject, inputsJson, outcomeJson }) => ({ action, by, subject, inputs: JSON.parse(inputsJson), outcome: JSON.parse(outcomeJson) }))).toMatchObject([
      { action: 'replay-dead-letter', by: 'oper', inputs: { why: '', digest, eventId: letter.eventId }, outcome: { result: 'failed', reason: 'This one is not right.' } },
      { action: 'replay-dead-letter', by: 'oper', subject: 'dead-letter/ingestion.sources/x', inputs: { why: 'the rule was wrong', digest, eventId: letter.eventId, failure: 'This one is not right.' }, outcome: { result: 'applied' } },
      { inputs: { why: 'the rule was wrong', follows: letter.eventId }, outcome: { result: 'applied' } },
    ]);
    await expect(replay(letter.id)).rejects.toMatchObject({ code: 'not_found' });
  });

  it('are dropped for a reason, and what waited follows', async () => {
    const { deadLetters: [letter] } = await list();
    await expect(drop(letter.id, ' ')).rejects.toMatchObject({ code: 'invalid' });
    expect(await drop(letter.id, 'sent by mistake')).toMatchObject({ applied: 1 });
    expect((await decisions()).slice(-2).map(({ action, outcomeJson }) => [action, outcomeJson])).toEqual([['drop-dead-letter', '{"result":"dropped"}'], ['replay-dead-letter', '{"result":"applied"}']]);
    expect((await list()).total).toBe(0);
  });

  it('may be read by those who read, and touched by operators and admins only', async () => {
    const { deadLetters: [letter] } = await list({}, 'dev');
    for (const other of ['dev', 'aud', 'reviewer', 'airline', 'gate', 'feature']) {
      await expect(replay(letter.id, other)).rejects.toMatchObject({ code: 'forbidden' });
      await expect(drop(letter.id, 'because', other)).rejects.toMatchObject({ code: 'forbidden' });
    }
    await expect(list({}, 'gate')).rejects.toMatchObject({ code: 'forbidden' });
    expect(await drop(letter.id, 'because', 'admin')).toMatchObject({ applied: 1 });
    await expect(ask('oper', 'replayDeadLetter', { service: 'ingestion', id: '1', reason: '' })).rejects.toMatchObject({ code: 'not_found' });
  });
});
