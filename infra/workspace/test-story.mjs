// `npm run test:story`: the long stories, one file after the other.
import { join } from 'node:path';
import { build, environment, node, root, run } from './prepare.mjs';

build();
run(node(), [join(root, 'node_modules', 'jest', 'bin', 'jest.js'), '--runInBand', '--testMatch', '**/*.story.spec.ts', ...process.argv.slice(2)], { env: environment({ NODE_ENV: 'test' }) });
