// `npm run reset`: removes a data folder after asking. `-- --yes` does not ask, `-- --data DIR` names another folder.
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { root } from './prepare.mjs';

const args = process.argv.slice(2);
const at = args.indexOf('--data');
const folder = resolve(process.env.INIT_CWD ?? root, at >= 0 ? args[at + 1] : '.rhei');
if (!existsSync(folder)) {
  console.log(`There is no ${folder}: nothing to clear.`);
  process.exit(0);
}
if (!existsSync(join(folder, 'tokens.json'))) {
  console.error(`${folder} is not a data folder of Rhei (it holds no tokens.json); it stays.`);
  process.exit(2);
}
const running = runningPlatform();
if (running !== undefined) {
  console.error(`The platform of ${folder} is running (process ${running}). Stop it first.`);
  process.exit(5);
}
if (!args.includes('--yes')) {
  if (!process.stdin.isTTY) {
    console.error('Nobody is there to ask. Say --yes to clear it.');
    process.exit(2);
  }
  const ask = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await ask.question(`Remove ${folder} with all records, models and predictions in it? [y/N] `);
  ask.close();
  if (!/^y(es)?$/i.test(answer.trim())) process.exit(130);
}
rmSync(folder, { recursive: true, force: true });
console.log(`Cleared ${folder}.`);

function runningPlatform() {
  try {
    const { pid } = JSON.parse(readFileSync(join(folder, 'platform.json'), 'utf8'));
    process.kill(pid, 0);
    return pid;
  } catch {
    return undefined;
  }
}
