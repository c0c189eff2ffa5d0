// `npm run test:long`: what takes too long for every day; its last results stand in docs/.
import { join } from 'node:path';
import { build, environment, node, root, run } from './prepare.mjs';

build();
run(node(), [join(root, 'node_modules', 'jest', 'bin', 'jest.js'), '--runInBand', '--testMatch', '**/*.long.spec.ts', ...process.argv.slice(2)], { env: environment({ NODE_ENV: 'test' }) });
