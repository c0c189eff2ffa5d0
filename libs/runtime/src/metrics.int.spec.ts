import { Controller, Get, Param } from '@nestjs/common';
import { conflict, registry, runtime } from '@rhei/contracts';
import { eventually, startServices, type RunningServices } from '@rhei/testing';
import { z } from 'zod';
import { call, connect, pause, service, shared } from './index';

@Controller('fake')
class FakeController {
  @Get('things/:id')
  thing(@Param('id') id: string) {
    if (id === 'race') throw conflict('Another was faster.');
    return { id };
  }
}

const fake = service({
  name: 'serving', config: z.object({}), migrations: [], deps: () => ({}),
  http: [{ controller: FakeController, routes: { 'GET /fake/things/:id': { roles: ['developer'] } } }],
  on: [shared('ModelApplied', async (_deps: unknown, { payload: { name } }) => {
    if (name === 'poison') throw conflict('This one will not do.');
  })],
  gauges: async () => [{ name: 'rhei_serving_model_info', help: 'Which version answers.', labels: { deployment: 'renewals', model: 'churn' }, value: 1 }],
});

interface Family {
  help: string;
  type: string;
  series: { name: string; labels: Record<string, string>; value: number }[];
}

function parse(text: string): Map<string, Family> {
  const families = new Map<string, Family>();
  let current: Family | undefined;
  for (const line of text.split('\n')) {
    const [, what, name, rest] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? [];
    if (what === 'HELP') families.set(name, (current = { help: rest, type: '', series: [] }));
    else if (what === 'TYPE') current!.type = rest;
    else if (line !== '') {
      const [, series, labels = '', value] = /^([a-zA-Z_:]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
      current!.series.push({ name: series, labels: Object.fromEntries([...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, text]) => [key, text])), value: Number(value) });
    }
  }
  return families;
}

jest.setTimeout(20_000);

describe('the metrics of a process', () => {
  let running: RunningServices;
  beforeAll(async () => {
    running = await startServices([fake]);
  });
  afterAll(() => running?.stop());

  const get = (path: string, as?: string) => fetch(running.http + path, { headers: as ? { authorization: `Bearer ${running.token(as)}` } : {} });
  const scrape = async () => {
    // An answer is kept for a second.
    await pause(1_050);
    return parse(await (await get('/metrics', 'oper')).text());
  };
  const valueOf = (families: Map<string, Family>, name: string, labels: Record<string, string>, suffix = '') =>
    families.get(name)?.series.filter((series) => series.name === name + suffix && Object.entries(labels).every(([key, value]) => series.labels[key] === value)).map(({ value }) => value);

  it('are for those who may read, a scraper with the credential of a service among them', async () => {
    expect((await get('/metrics')).status).toBe(401);
    expect((await get('/metrics', 'gate')).status).toBe(403);
    for (const who of ['aud', 'oper', 'dev', 'admin', 'training']) expect([who, (await get('/metrics', who)).status]).toEqual([who, 200]);
    expect((await get('/metrics', 'aud')).headers.get('content-type')).toMatch(/^text\/plain;.* version=0\.0\.4/);
  });

  it('count requests by the pattern of their route, refusals and errors too', async () => {
    for (const [path, as] of [['/fake/things/1', 'dev'], ['/fake/things/2', 'dev'], ['/fake/things/race', 'dev'], ['/fake/things/1'], ['/fake/things/1', 'aud'], ['/nothing/secret', 'dev'], ['/fake/things/%E0%A4%A', 'dev']] as const) await get(path, as);
    const client = connect(runtime.OperationsServiceClient, running.grpc, running.token('aud'));
    const stranger = connect(runtime.OperationsServiceClient, running.grpc, 'wrong');
    await call(client, 'getStatus', { service: 'serving' }, { deadline: 2_000 });
    await expect(call(client, 'getStatus', { service: 'nobody' }, { deadline: 2_000 })).rejects.toMatchObject({ code: 'not_found' });
    await expect(call(stranger, 'getStatus', { service: 'serving' }, { deadline: 2_000 })).rejects.toMatchObject({ code: 'unauthenticated' });
    client.close();
    stranger.close();
    const families = await scrape();
    const http = (labels: Record<string, string>) => valueOf(families, 'http_server_request_duration_seconds', labels, '_count');
    const route = { service: 'serving', route: '/fake/things/:id', method: 'GET' };
    expect(['200', '409', '401', '403'].map((status) => http({ ...route, status })?.[0])).toEqual([2, 1, 1, 1]);
    expect(http({ service: 'runtime', route: 'unmatched', status: '404' })).toEqual([1]);
    expect(http({ service: 'runtime', route: 'unmatched', status: '400' })).toEqual([1]);
    const rpc = (code: string) => valueOf(families, 'rpc_server_call_duration_seconds', { rpc_method: 'rhei.runtime.v1.OperationsService/GetStatus', rpc_response_status_code: code }, '_count');
    expect(['OK', 'NOT_FOUND', 'UNAUTHENTICATED'].map((code) => rpc(code)?.[0])).toEqual([1, 1, 1]);
  });

  it('show what consumers did, and what waits', async () => {
    for (const name of ['good', 'poison', 'poison']) await running.publish('ModelApplied', name, registry.ModelApplied.fromPartial({ name, specJson: '{}' }));
    await running.settle();
    const families = await scrape();
    const one = (name: string, labels: Record<string, string> = {}) => valueOf(families, name, { service: 'serving', ...labels });
    // An event that shares its transaction with one that fails is attempted twice.
    for (const outcome of ['handled', 'failed']) {
      expect(valueOf(families, 'rhei_event_handler_duration_seconds', { service: 'serving', event: 'ModelApplied', outcome }, '_count')![0]).toBeGreaterThanOrEqual(1);
    }
    expect(['handled', 'dead_letter', 'parked', 'duplicate'].map((outcome) => one('rhei_consumed_events_total', { outcome })?.[0])).toEqual([1, 1, 1, 0]);
    expect([one('rhei_dead_letters'), one('rhei_parked_keys'), one('rhei_outbox_pending'), one('rhei_outbox_oldest_age_seconds')]).toEqual([[1], [1], [0], [0]]);
    const place = { subscription: 'serving', topic: 'registry.models' };
    expect([one('rhei_consumer_lag_messages', place), one('rhei_consumer_lag_seconds', place)]).toEqual([[0], [0]]);
    expect(one('rhei_serving_model_info', { deployment: 'renewals', model: 'churn' })).toEqual([1]);
    expect(one('target_info', { clock: 'system' })).toEqual([1]);
    expect(one('rhei_service_ready')).toEqual([1]);
    expect(families.get('process_resident_memory_bytes')?.series[0].value).toBeGreaterThan(1e6);
  });

  it('tell the age of what is not sent', async () => {
    const database = running.database('serving');
    await database.query(`INSERT INTO outbox (shard, topic, partition, key, headers, payload, created_at) VALUES (99, 'registry.models', 0, 'x', '{}', '', $1)`, [(Date.now() - 60_000) * 1000]);
    try {
      const families = await scrape();
      expect(valueOf(families, 'rhei_outbox_pending', {})).toEqual([1]);
      expect(valueOf(families, 'rhei_outbox_oldest_age_seconds', {})![0]).toBeGreaterThanOrEqual(60);
      expect(valueOf(families, 'rhei_outbox_oldest_age_seconds', {})![0]).toBeLessThan(120);
    } finally {
      await database.query(`DELETE FROM outbox WHERE shard = 99`);
    }
  });

  it('follow the rules for names, help, units and labels', async () => {
    const families = await scrape();
    for (const [name, { help, type, series }] of families) {
      expect([name, /^(rhei|http|rpc|process|nodejs|target)_[a-z0-9_]+$/.test(name)]).toEqual([name, true]);
      expect([name, help.length > 10]).toEqual([name, true]);
      expect([name, name.endsWith('_total')]).toEqual([name, type === 'counter']);
      expect([name, /milli|micro|nano|minutes|hours|kilo|mega|percent/.test(name)]).toEqual([name, false]);
      if (type === 'histogram' && !name.startsWith('nodejs')) expect(name).toMatch(/_seconds$/);
      if (/^(rhei|http|rpc)_/.test(name)) expect(series.every(({ labels }) => labels['service'] !== undefined)).toBe(true);
      for (const { labels } of series) {
        // What a caller chose, or an id, would make a series of its own for each.
        expect(Object.values(labels).filter((value) => /secret|[0-9a-f]{16}|race/.test(value))).toEqual([]);
      }
    }
  });

  it('make one answer a second, whoever asks', async () => {
    await pause(1_050);
    const [one, other] = await Promise.all([get('/metrics', 'oper'), get('/metrics', 'aud')].map(async (answer) => (await answer).text()));
    expect(one).toBe(other);
  });

  it('say that time stands still, by leaving out seconds of lag', async () => {
    const replayed = await startServices([fake], { clock: 'replay', at: 0 });
    const text = await (await fetch(`${replayed.http}/metrics`, { headers: { authorization: `Bearer ${replayed.token('oper')}` } })).text();
    await replayed.stop();
    expect(text).not.toMatch(/rhei_consumer_lag_seconds/);
    expect(text).toMatch(/rhei_consumer_lag_messages\{service="serving",subscription="serving",topic="registry.models"\} 0/);
  });

  it('are still answered when the database is not there, without what stands in it', async () => {
    const broken = await startServices([{ ...fake, gauges: () => Promise.reject(new Error('no rows today')) }]);
    const text = await eventually('an answer', async () => {
      const response = await fetch(`${broken.http}/metrics`, { headers: { authorization: `Bearer ${broken.token('oper')}` } });
      expect(response.status).toBe(200);
      return response.text();
    });
    await broken.stop();
    expect(text).toMatch(/rhei_scrape_failures_total\{service="serving"\} 1/);
    expect(text).not.toMatch(/rhei_outbox_pending/);
    expect(text).toMatch(/rhei_consumed_events_total/);
  });
});
