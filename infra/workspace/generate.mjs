// `npm run generate`: protobuf types and schema dumps, from their sources.
import { join } from 'node:path';
import { build, install, node, root, run } from './prepare.mjs';

install();
run(join(root, 'node_modules', '.bin', 'buf'), ['generate'], { cwd: join(root, 'proto') });
build();
run(node(), [join(root, 'infra', 'workspace', 'schemas.mjs')]);
