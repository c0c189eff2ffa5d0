// `npm test`: everything that needs no container. Arguments go to Jest.
import { join } from 'node:path';
import { build, environment, node, root, run } from './prepare.mjs';

build();
run(node(), [join(root, 'node_modules', 'jest', 'bin', 'jest.js'), '--testPathIgnorePatterns', '\\.(story|long)\\.spec\\.ts$', ...process.argv.slice(2)], { env: environment({ NODE_ENV: 'test' }) });
