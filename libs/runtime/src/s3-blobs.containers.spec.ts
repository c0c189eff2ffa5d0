import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sha256 } from '@rhei/expressions';
import { serviceNames } from '@rhei/contracts';
import { eventually, startMinio, startServices, type MinioContainer } from '@rhei/testing';
import { z } from 'zod';
import { openBlobs } from './blobs';
import { blobsContract } from './blobs.contract';
import { pause } from './clock';
import type { S3Blobs } from './s3-blobs';
import { service } from './service';
import { sweepBlobs } from './sweep-blobs';

jest.setTimeout(120_000);

describe('blobs in an S3 store', () => {
  const cache = mkdtempSync(join(tmpdir(), 'blobs-cache-'));
  let minio: MinioContainer;
  let blobs: S3Blobs;
  const opened: S3Blobs[] = [];
  const open = async (url: string, folder = cache) => {
    const one = (await openBlobs(url, folder)) as S3Blobs;
    opened.push(one);
    return one;
  };
  const keep = (digest: string, bytes: Buffer) => blobs.client.putObject('blobs', blobs.keyOf(digest), bytes, bytes.length);
  const keysBelow = async (prefix: string) => (await blobs.client.listObjectsV2Query('blobs', prefix, '', '', 100, '')).objects.map(({ name }) => name);
  /** While it is paused its connections stay open, and nobody answers. */
  const docker = (what: 'pause' | 'unpause') => execFileSync('docker', [what, minio.container.getId()], { stdio: 'ignore' });

  beforeAll(async () => {
    minio = await startMinio();
    blobs = await open(`${minio.url('blobs')}&prefix=team/rhei&timeout=1`);
    await blobs.check();
  });
  afterAll(async () => {
    for (const one of opened) one.close();
    rmSync(cache, { recursive: true });
    await minio?.stop();
  });

  blobsContract(async () => ({ blobs, damage: async (digest) => void (await keep(digest, Buffer.from('changed'))) }));

  it('stand below their prefix, by their digest, and leave nothing on the way', async () => {
    const digest = await blobs.put(Buffer.from('where'));
    expect(await keysBelow(`team/rhei/sha256/${digest.slice(0, 2)}/`)).toContain(`team/rhei/sha256/${digest.slice(0, 2)}/${digest}`);
    expect(await keysBelow('team/rhei/staging/')).toEqual([]);
  });
  it('may be large: 40 MB go up in parts, and come back by path and in memory', async () => {
    const parts = jest.spyOn(blobs.client, 'uploadPart');
    const bytes = randomBytes(40 * 1024 * 1024);
    const digest = await blobs.put(bytes);
    expect(sha256(await blobs.get(digest))).toBe(digest);
    expect(sha256(readFileSync(await blobs.path(digest)))).toBe(digest);
    expect(parts).toHaveBeenCalledTimes(3);
    parts.mockRestore();
  });
  it('take the same large bytes from two writers at once', async () => {
    const bytes = randomBytes(20 * 1024 * 1024);
    const [one, other] = await Promise.all([blobs.put(bytes), (await open(`${minio.url('blobs')}&prefix=team/rhei`)).put(bytes)]);
    expect(one).toBe(other);
    expect(sha256(await blobs.get(one))).toBe(one);
    expect(await keysBelow('team/rhei/staging/')).toEqual([]);
  });

  describe('are never loaded when they are not what their name says', () => {
    it.each([
      ['cut', (bytes: Buffer) => bytes.subarray(0, -1)],
      ['emptied', () => Buffer.alloc(0)],
      ['changed in one bit', (bytes: Buffer) => Buffer.concat([Buffer.from([bytes[0] ^ 1]), bytes.subarray(1)])],
      ['longer', (bytes: Buffer) => Buffer.concat([bytes, Buffer.from('x')])],
      ['those of another', () => Buffer.from('another model')],
    ])('%s', async (_how, change) => {
      const bytes = randomBytes(10_000);
      const digest = await blobs.put(bytes);
      await keep(digest, change(bytes));
      await expect(blobs.get(digest)).rejects.toMatchObject({ code: 'internal', details: { reason: 'DIGEST_MISMATCH' } });
      await expect(blobs.path(digest)).rejects.toMatchObject({ code: 'internal', details: { reason: 'DIGEST_MISMATCH' } });
    });
    it('nor from a local copy that somebody wrote to', async () => {
      const digest = await blobs.put(Buffer.from('kept here'));
      const path = await blobs.path(digest);
      writeFileSync(path, 'kept hare');
      expect(readFileSync(await blobs.path(digest), 'utf8')).toBe('kept here');
    });
  });

  it('are read by a link for a while', async () => {
    const digest = await blobs.put(Buffer.from('for all to see'));
    const link = await blobs.link(digest, 2);
    expect(await (await fetch(link)).text()).toBe('for all to see');
    expect((await fetch(link, { method: 'PUT', body: 'x' })).status).toBe(403);
    await expect(blobs.link(digest, 3601)).rejects.toMatchObject({ code: 'invalid', details: { got: '3601' } });
    await expect(blobs.link(digest, 0)).rejects.toMatchObject({ code: 'invalid' });
    await expect(blobs.link(sha256('never'), 60)).rejects.toMatchObject({ code: 'not_found' });
    await pause(3_100);
    expect((await fetch(link)).status).toBe(403);
  });

  it('lose what was left behind on the way when somebody says so, and only that', async () => {
    const digest = await blobs.put(Buffer.from('stays'));
    const [staged, begun] = [blobs.stagingKey(), blobs.stagingKey()];
    await blobs.client.putObject('blobs', staged, Buffer.from('half'));
    await blobs.client.initiateNewMultipartUpload('blobs', begun, {});
    await blobs.client.initiateNewMultipartUpload('blobs', 'of/another/team', {});
    const lines: string[] = [];
    const run = (apply: boolean, days = 2) => {
      lines.length = 0;
      return sweepBlobs({ BLOBS: `${minio.url('blobs')}&prefix=team/rhei` }, { apply, now: Date.now() + days * 86_400_000, write: (line) => void lines.push(line) });
    };
    const uploads = async () => (await blobs.client.listIncompleteUploadsQuery('blobs', '', '', '', '')).uploads.map(({ key }) => key);
    expect(await run(true, 0.9)).toBe(0);
    expect(await run(false)).toBe(2);
    expect(lines).toEqual([expect.stringContaining(`would be removed: staged object ${staged} (4 bytes`), expect.stringContaining(`would be removed: unfinished upload ${begun}`), expect.stringMatching(/not swept: no claim within two days of ingestion, feature/), expect.stringContaining('--apply')]);
    expect((await uploads()).sort()).toEqual(['of/another/team', begun]);
    expect(await run(true)).toBe(2);
    expect([await run(true), await keysBelow('team/rhei/staging/'), await uploads()]).toEqual([0, [], ['of/another/team']]);
    expect(Buffer.from(await blobs.get(digest)).toString()).toBe('stays');
    await expect(sweepBlobs({ BLOBS: 'file:/tmp/x' }, { apply: true, write: () => undefined })).rejects.toMatchObject({ exitCode: 2 });
  });

  describe('that no service claims', () => {
    const day = 86_400_000;
    const lines: string[] = [];
    /** Sweeps as many days from now, with claims of that day: `kept` by the registry, nothing by the others. */
    const sweepAfter = async (days: number, kept: string[], { apply = true, silent = [] as string[] } = {}) => {
      const now = Date.now() + days * day;
      const there = await open(`${minio.url('swept')}`);
      for (const service of serviceNames.filter((name) => !silent.includes(name))) {
        // The claims of a later day: their time is that of the host, which stands here.
        await there.client.putObject('swept', `claims/${service}`, JSON.stringify({ service, at: now - day, digests: service === 'registry' ? kept : [] }));
      }
      lines.length = 0;
      return sweepBlobs({ BLOBS: minio.url('swept') }, { apply, now, write: (line) => void lines.push(line) });
    };
    let store: S3Blobs;
    beforeAll(async () => {
      store = await open(minio.url('swept'));
      await store.check();
    });

    it('go in two steps, a week apart, and those that are claimed stay', async () => {
      const [kept, orphan] = [await store.put(Buffer.from('kept')), await store.put(Buffer.from('orphan'))];
      expect(await sweepAfter(6, [kept])).toBe(0);
      expect(await sweepAfter(8, [kept], { apply: false })).toBe(1);
      expect(await sweepAfter(8, [kept])).toBe(1);
      expect(lines[0]).toMatch(new RegExp(`^set aside: blob that nobody claims sha256/${orphan.slice(0, 2)}/${orphan} \\(6 bytes`));
      // The store's own clock has not moved: what came aside is a moment old.
      expect(await sweepAfter(6, [kept])).toBe(0);
      expect(await sweepAfter(8, [kept])).toBe(1);
      expect(lines[0]).toMatch(/^removed: orphaned blob aside/);
      expect(await store.has(orphan)).toBe(false);
      expect(Buffer.from(await store.get(kept)).toString()).toBe('kept');
    });
    it('come back when somebody reads, puts or claims them', async () => {
      const digests = await Promise.all(['read', 'put', 'looked for', 'claimed', 'opened'].map((text) => store.put(Buffer.from(text))));
      const aside = async () => (await sweepAfter(8, [])) >= digests.length;
      expect(await aside()).toBe(true);
      const [read, put, looked, claimed, opened] = digests;
      expect(await Promise.all([1, 2, 3].map(async () => Buffer.from(await store.get(read)).toString()))).toEqual(['read', 'read', 'read']);
      expect(await store.put(Buffer.from('put'))).toBe(put);
      expect(await store.has(looked)).toBe(true);
      expect(readFileSync(await store.path(opened), 'utf8')).toBe('opened');
      await sweepAfter(8, digests);
      expect(lines.filter((line) => line.includes(claimed))).toEqual([expect.stringMatching(/^brought back: blob that is claimed again/)]);
      await sweepAfter(16, digests);
      for (const digest of digests) expect(await store.has(digest)).toBe(true);
      expect((await store.client.listObjectsV2Query('swept', 'aside/', '', '', 10, '')).objects).toEqual([]);
    });
    it('stay as long as one service has not said what it keeps', async () => {
      const digest = await store.put(Buffer.from('whose'));
      await store.client.removeObject('swept', 'claims/serving');
      expect(await sweepAfter(30, [], { silent: ['serving'] })).toBe(0);
      expect(lines[0]).toMatch(/no claim within two days of serving\./);
      await store.claim('serving', async () => [digest]);
      expect(await sweepAfter(30, [], { silent: ['serving'] })).toBe(0);
      expect(lines[0]).toMatch(/no claim within two days of serving\./);
      expect((await store.claimOf('serving'))?.digests).toEqual([digest]);
    });
  });

  describe('of an endpoint that will not do', () => {
    const reason = async (url: string) => (await open(url)).check().then(() => 'it will do', (error: Error & { exitCode?: number }) => `${error.exitCode} ${error.message}`);

    it('end the start where user or password are wrong', async () => {
      const url = minio.url('blobs').replace('for-tests-only', 'not-this-one');
      expect(await reason(url)).toMatch(/^2 The blob store s3:\/\/127.* does not let "for-tests" in .*SignatureDoesNotMatch/);
      expect(await reason(url)).not.toContain('not-this-one');
      expect(await reason(minio.url('blobs').replace('for-tests:', 'nobody:'))).toMatch(/^2 .*"nobody".*InvalidAccessKeyId/);
    });
    it('make a bucket that is missing, unless they may not', async () => {
      expect(await reason(`${minio.url('not-there')}&create=false`)).toMatch(/^2 .*has no bucket "not-there", and create=false forbids/);
      expect(await Promise.all([1, 2, 3].map(() => reason(minio.url('made'))))).toEqual(['it will do', 'it will do', 'it will do']);
    });
    it('are waited for while nobody answers there', async () => {
      await expect((await open('s3://user:password@127.0.0.1:9/blobs?tls=false')).check()).rejects.toMatchObject({ code: 'unavailable', details: { reason: 'BLOBS_AWAY' } });
    });
    it('end the start where they want TLS of an endpoint without', async () => {
      expect(await reason(minio.url('blobs').replace('?tls=false', ''))).toMatch(/^2 .*cannot be used \(.*Change BLOBS/);
    });
  });

  describe('of an endpoint that is away', () => {
    it('are unavailable within seconds, and there again when it is', async () => {
      const digest = await blobs.put(Buffer.from('before the night'));
      const kept = await blobs.path(digest);
      docker('pause');
      try {
        const started = performance.now();
        const answers = await Promise.allSettled([blobs.get(digest), blobs.put(Buffer.from('in the night')), blobs.has(digest)]);
        expect(performance.now() - started).toBeLessThan(10_000);
        for (const answer of answers) expect(answer).toMatchObject({ status: 'rejected', reason: { code: 'unavailable', details: { retryAfter: 1_000 } } });
        expect(await blobs.path(digest)).toBe(kept);
      } finally {
        docker('unpause');
      }
      expect(Buffer.from(await blobs.get(digest)).toString()).toBe('before the night');
      expect(await blobs.put(Buffer.from('in the night'))).toBe(sha256('in the night'));
    });
    it('are not missed when it comes back while they are asked for', async () => {
      const digest = await blobs.put(Buffer.from('a short night'));
      docker('pause');
      const back = pause(1_500).then(() => docker('unpause'));
      expect(Buffer.from(await blobs.get(digest)).toString()).toBe('a short night');
      await back;
    });
  });

  describe('of a service', () => {
    const fake = service({ name: 'registry', config: z.object({}), migrations: [], deps: () => ({}), keeps: async () => [sha256('kept')] });
    it('are waited for at its start, whichever comes first', async () => {
      docker('pause');
      const started = startServices([fake], { env: { BLOBS: `${minio.url('blobs')}&timeout=0.5` } });
      const back = pause(1_500).then(() => docker('unpause'));
      const running = await started;
      await back;
      try {
        expect((await fetch(`${running.http}/health/ready`)).status).toBe(200);
        const store = await open(minio.url('blobs'));
        expect(await eventually('the claim of what it keeps', async () => (await store.claimOf('registry'))?.digests)).toEqual([sha256('kept')]);
      } finally {
        await running.stop();
      }
    });
    it('end its start when they will not do', async () => {
      const env = { BLOBS: minio.url('blobs').replace('for-tests-only', 'wrong') };
      await expect(startServices([fake], { env })).rejects.toMatchObject({ exitCode: 2, message: expect.stringMatching(/does not let "for-tests" in/) });
    });
  });

  describe('of an endpoint that drips', () => {
    let server: Server;
    const sockets = new Set<Socket>();
    beforeAll(async () => {
      // A byte now and then: there is never silence, and never an end.
      server = createServer((socket) => {
        sockets.add(socket);
        socket.on('error', () => undefined);
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n');
        const timer = setInterval(() => socket.write('x'), 200);
        socket.on('close', () => clearInterval(timer));
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    });
    afterAll(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    it('are given up after their time', async () => {
      const slow = await open(`s3://user:password@127.0.0.1:${(server.address() as AddressInfo).port}/blobs?tls=false&timeout=0.5`);
      const started = performance.now();
      await expect(slow.get(sha256('slow'))).rejects.toMatchObject({ code: 'unavailable' });
      expect(performance.now() - started).toBeLessThan(8_000);
    });
  });
});
