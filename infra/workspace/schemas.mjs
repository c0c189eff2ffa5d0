// The reviewed schema.sql of each service: written from its migrations, or held against them. Both are its schema.int.spec.ts.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { environment, node, root, run } from './prepare.mjs';

/** Runs the schema spec of every service with migrations; ends this process when a dump is stale, or a service has no such spec. */
export function schemas({ write }) {
  const services = readdirSync(join(root, 'apps')).filter((app) => existsSync(join(root, 'apps', app, 'src', 'migrations')));
  const specs = services.map((service) => join('apps', service, 'src', 'schema.int.spec.ts'));
  const missing = specs.filter((spec) => !existsSync(join(root, spec)));
  if (missing.length > 0) {
    console.error(`Services with migrations show their tables in a schema.sql that a spec keeps; missing: ${missing.join(', ')}. Copy one from another service.`);
    process.exit(1);
  }
  run(node(), [join(root, 'node_modules', 'jest', 'bin', 'jest.js'), '--silent', '--runTestsByPath', ...specs], {
    env: environment({ NODE_ENV: 'test', RHEI_WRITE_SCHEMA: write ? '1' : '' }),
  });
}
