#!/usr/bin/env node
import { existsSync } from 'node:fs';

const main = new URL('../dist/main.js', import.meta.url);
if (!existsSync(main)) {
  console.error('The rhei command is not built yet. Run "npm run build" in the root of the repository.');
  process.exit(1);
}
await import(main.href);
