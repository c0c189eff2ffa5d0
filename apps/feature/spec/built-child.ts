import { execFileSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** The join runs as a compiled script, while specs run on sources: compiles this project where its build is older. */
export function buildChild(): void {
  const project = join(__dirname, '..');
  const stale = ['training-set/join-child', 'training-set/join-plan'].some((file) => {
    const built = join(project, 'dist', `${file}.js`);
    return !existsSync(built) || statSync(built).mtimeMs < statSync(join(project, 'src', `${file}.ts`)).mtimeMs;
  });
  // Whether types fit is the build's question, not a spec's.
  if (stale) execFileSync(process.execPath, [require.resolve('typescript/bin/tsc'), '-p', project, '--noCheck'], { stdio: 'inherit' });
}
