import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { startKafka, type KafkaContainer } from '@rhei/testing';
import { run } from './run';

// Commands wait for a broker, and containers share the machine.
jest.setTimeout(60_000);

describe('rhei topics', () => {
  let kafka: KafkaContainer;
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'rhei-topics-'));
    writeFileSync(join(folder, 'shop.yaml'), 'apiVersion: rhei/v1\nkind: Source\nmetadata: {name: shop}\nspec: {owner: shop team, topic: upstream.shop, events: {}}\n');
    writeFileSync(join(folder, 'till.yaml'), 'apiVersion: rhei/v1\nkind: Source\nmetadata: {name: till}\nspec: {owner: shop team, events: {}}\n');
    kafka = await startKafka();
  }, 120_000);
  afterAll(async () => {
    await kafka?.stop();
    rmSync(folder, { recursive: true });
  });

  const rhei = async (args: string[], env: Record<string, string> = { RHEI_KAFKA: `kafka://${kafka.broker}` }) => {
    const streams = { stdout: new PassThrough(), stderr: new PassThrough(), stdin: new PassThrough() };
    const code = await run(args, { env, ...streams } as unknown as Parameters<typeof run>[1]);
    return { code, out: String(streams.stdout.read() ?? ''), err: String(streams.stderr.read() ?? '') };
  };
  type Listed = { topics: { name: string; partitions: number; state: string }[]; differences: object[] };

  it('lists what is missing, makes it, and has nothing to make the second time', async () => {
    const before = await rhei(['topics', 'list']);
    expect(before.code).toBe(5);
    expect(before.out).toMatch(/registry\.models +1 +1 +missing/);
    const made = await rhei(['topics', 'apply']);
    expect(made).toMatchObject({ code: 0, err: expect.stringMatching(/^Made: 11 topics\./) });
    expect(made.out).toMatch(/feature\.labels +2 +1 +made/);
    expect(await rhei(['topics', 'apply'])).toMatchObject({ code: 0, err: expect.stringMatching(/^Nothing to make/) });
    expect(await rhei(['topics', 'list'])).toMatchObject({ code: 0, out: expect.stringMatching(/feature\.labels +2 +1 +as it should be/) });
  });

  it('makes the topic of a source that has one, with as many partitions as are asked for', async () => {
    expect((await rhei(['topics', 'apply', '-f', folder, '--partitions', '3'])).code).toBe(0);
    const { topics } = JSON.parse((await rhei(['topics', 'list', '-f', folder, '--json'])).out) as Listed;
    expect(topics.at(-1)).toEqual({ name: 'upstream.shop', partitions: 3, replication: 1, state: 'as it should be' });
    expect(topics).toHaveLength(12);
    expect((await rhei(['topics', 'apply', '-f', folder, '--writer', 'till=cashier'])).err).toContain('--writer names the source "till", and no source of that name has a topic');
  });

  it('tells what differs, with both values, and leaves it as it is', async () => {
    await rhei(['topics', 'apply', '-f', folder]);
    for (const command of ['apply', 'list', 'list']) {
      const { code, out } = await rhei(['topics', command, '-f', folder, '--partitions', '2', '--json']);
      expect(code).toBe(5);
      expect((JSON.parse(out) as Listed).differences).toEqual([{ topic: 'upstream.shop', what: 'partitions', wanted: '2', found: '3' }]);
    }
  });

  it('says what is wrong with the address, and when nobody is there', async () => {
    expect(await rhei(['topics', 'list'], {})).toMatchObject({ code: 2, err: expect.stringContaining('no --broker, no RHEI_KAFKA and no EVENT_LOG') });
    expect(await rhei(['topics', 'list'], { EVENT_LOG: 'postgres://host/log' })).toMatchObject({ code: 2, err: expect.stringContaining('has the scheme "postgres"') });
    expect(await rhei(['topics', 'list', '--broker', 'kafka://admin@localhost:1'])).toMatchObject({ code: 2, err: expect.stringContaining('user "admin" and no password') });
    const password = join(folder, 'password');
    writeFileSync(password, 'secret\n');
    chmodSync(password, 0o600);
    const gone = await rhei(['topics', 'list', '--broker', 'kafka://admin@localhost:1'], { RHEI_KAFKA_PASSWORD_FILE: password });
    expect(gone.code).toBe(7);
    expect(gone.err).not.toContain('secret');
    expect(await rhei(['topics', 'apply', '--replication', '2'])).toMatchObject({ code: 2, err: expect.stringContaining('the cluster has 1 broker') });
  });
});
