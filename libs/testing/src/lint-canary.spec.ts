import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

const root = join(__dirname, '..', '..', '..');

/** Each rule of the house with a line that breaks it, and where that line would stand. */
const canaries: [rule: string, file: string, code: string, message: RegExp][] = [
  ['business time comes from the clock', 'apps/registry/src/canary-a.ts', 'export const t = Date.now();', /injected Clock/],
  ['no new Date', 'apps/registry/src/canary-b.ts', 'export const t = new Date();', /injected Clock/],
  ['no unseeded randomness', 'apps/feature/src/canary-c.ts', 'export const t = Math.random();', /hash of \(seed/],
  ['no timers in services', 'apps/serving/src/canary-d.ts', 'setTimeout(() => undefined, 1);', /Timers stand only/],
  ['no SQL clock', 'apps/serving/src/canary-e.store.ts', "export const q = 'SELECT now()';", /time as a parameter/],
  ['no environment outside of config', 'apps/training/src/canary-f.ts', 'export const e = process.env.HOME;', /config\.ts alone/],
  ['no SQL outside of stores', 'apps/training/src/canary-g.ts', "import { Client } from 'pg';\nexport const c = Client;", /store\.ts/],
  ['no Nest outside of doors and modules', 'apps/training/src/canary-h.ts', "import { Get } from '@nestjs/common';\nexport const c = Get;", /Nest is imported/],
  ['no Nest transports', 'apps/training/src/canary.http.ts', "import { x } from '@nestjs/microservices';\nexport const c = x;", /No Nest transports/],
  ['no kafkajs outside of its file', 'apps/training/src/canary-i.ts', "import { Kafka } from 'kafkajs';\nexport const c = Kafka;", /kafka\.ts alone/],
  ['no kafkajs beside its file', 'libs/messaging/src/kafka-canary.ts', "import { Kafka } from 'kafkajs';\nexport const c = Kafka;", /kafka\.ts alone/],
  ['no minio outside of its file', 'apps/training/src/canary-j.ts', "import { Client } from 'minio';\nexport const c = Client;", /s3-blobs\.ts alone/],
  ['no minio in the rest of the runtime', 'libs/runtime/src/canary-q.ts', "import { Client } from 'minio';\nexport const c = Client;", /s3-blobs\.ts alone/],
  ['no I/O in pure libs', 'libs/statistics/src/canary-k.ts', "import { readFileSync } from 'node:fs';\nexport const c = readFileSync;", /no I\/O/],
  ['no service imports another', 'apps/training/src/canary-l.ts', "import { RegistryModule } from '@rhei/registry';\nexport const c = RegistryModule;", /type:service|can only depend on libs tagged/],
  ['no pure lib imports one that is not', 'libs/tabular/src/canary-m.ts', "import { day } from '@rhei/runtime';\nexport const c = day;", /purity:pure/],
  ['no forwardRef', 'apps/training/src/canary-n.ts', 'declare const forwardRef: (f: () => unknown) => unknown;\nexport const c = forwardRef(() => 1);', /No forwardRef/],
  ['nothing global on Nest', 'apps/training/src/canary.module.ts', "import { APP_GUARD } from '@nestjs/core';\nexport const c = APP_GUARD;", /globally on Nest/],
  ['no module mocks', 'apps/training/src/canary-o.spec.ts', "jest.mock('./model');", /No module mocks/],
  ['no focused tests', 'apps/training/src/canary-p.spec.ts', "it.only('x', () => undefined);", /Every test runs/],
];

describe('the rules of the house', () => {
  it('bite', () => {
    const found = lint(canaries.map(([, file, code]) => ({ file, code })));
    const silent = canaries.filter(([, , , message], index) => !found[index].some((text) => message.test(text)));
    expect(silent.map(([rule]) => rule)).toEqual([]);
  }, 120_000);
});

/** The messages for each piece of code, as if it stood in its file. Nothing is written: other tests read the same folders. */
function lint(pieces: { file: string; code: string }[]): string[][] {
  const script = `
    const { ESLint } = require('eslint');
    const pieces = JSON.parse(require('node:fs').readFileSync(0, 'utf8'));
    (async () => {
      // The boundary rule reads the graph of projects from its cache and is silent without one.
      await require('@nx/devkit').createProjectGraphAsync({ exitOnError: false });
      const eslint = new ESLint({ cwd: process.cwd() });
      const results = [];
      for (const { file, code } of pieces) results.push((await eslint.lintText(code, { filePath: file }))[0].messages.map(({ message }) => message));
      process.stdout.write('\\n' + JSON.stringify(results));
    })();`;
  const output = execFileSync(process.execPath, ['-e', script], { cwd: root, encoding: 'utf8', input: JSON.stringify(pieces), env: { ...process.env, NX_DAEMON: 'false' } });
  return JSON.parse(output.slice(output.lastIndexOf('\n') + 1)) as string[][];
}
