// `npm run generate`: protobuf types and schema dumps, from their sources.
import { join } from 'node:path';
import { build, install, root, run } from './prepare.mjs';
import { schemas } from './schemas.mjs';

install();
run(join(root, 'node_modules', '.bin', 'buf'), ['generate'], { cwd: join(root, 'proto') });
build();
schemas({ write: true });
