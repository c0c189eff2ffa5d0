// `npm start`: installs, builds, and hands over to the platform.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { build, environment, node, root } from './prepare.mjs';

build();
const platform = spawn(node(), ['--max-semi-space-size=16', join(root, 'apps', 'platform', 'dist', 'main.js'), ...process.argv.slice(2)], {
  cwd: process.env.INIT_CWD ?? root, stdio: 'inherit', env: environment(),
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => platform.kill(signal));
platform.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 1)));
