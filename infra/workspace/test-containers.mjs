// `npm run test:containers`: the suites that need Docker: real Kafka, PostgreSQL, MinIO and Jaeger, one file after the other.
// Jest's lists take every word that follows them, so what the user named comes first.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { build, environment, node, root, run } from './prepare.mjs';

const docker = spawnSync('docker', ['info', '--format', '{{.ServerVersion}}'], { encoding: 'utf8' });
if (docker.status !== 0) {
  console.error(`Docker does not answer: ${(docker.error?.message ?? docker.stderr).trim()}\nStart it, or run "npm test", which needs no container.`);
  process.exit(1);
}
build();
run(node(), [join(root, 'node_modules', 'jest', 'bin', 'jest.js'), ...process.argv.slice(2), '--runInBand', '--testMatch', '**/*.containers.spec.ts'], { env: environment({ NODE_ENV: 'test' }) });
