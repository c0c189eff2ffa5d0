// `npm test`: everything that needs no container. Arguments go to Jest.
// Jest's lists take every word that follows them, so what the user named comes first.
import { join } from 'node:path';
import { build, environment, node, root, run } from './prepare.mjs';

build();
run(node(), [join(root, 'node_modules', 'jest', 'bin', 'jest.js'), ...process.argv.slice(2), '--testPathIgnorePatterns', '\\.(story|long|containers)\\.spec\\.ts$'], { env: environment({ NODE_ENV: 'test' }) });
