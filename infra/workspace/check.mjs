// `npm run check`: types, lint, protobuf, and that everything generated is what the sources say.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { build, environment, node, root, run } from './prepare.mjs';
import { schemas } from './schemas.mjs';

const tool = (name) => join(root, 'node_modules', '.bin', name);
const step = (title, act) => {
  const start = performance.now();
  console.error(`— ${title}`);
  act();
  console.error(`  ${((performance.now() - start) / 1000).toFixed(1)} s`);
};

step('types of the code', build);
step('types of the specs', () => run(node(), [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', 'tsconfig.spec.json']));
step('lint and boundaries', () => {
  // The boundary rule reads the graph of projects from its cache and is silent without one.
  run(node(), ['-e', "require('@nx/devkit').createProjectGraphAsync({ exitOnError: true }).then(() => process.exit(0))"]);
  run(tool('eslint'), ['.', '--max-warnings=0', '--cache', '--cache-location', 'dist/.eslintcache']);
});
step('protobuf', () => {
  run(tool('buf'), ['lint'], { cwd: join(root, 'proto') });
  // What services of the last release say and read must still be said and read: they are not replaced all at once.
  run(tool('buf'), ['breaking', '--against', 'baseline.binpb'], { cwd: join(root, 'proto') });
});
step('generated code', () => {
  run(tool('buf'), ['generate'], { cwd: join(root, 'proto') });
  unchanged('libs/contracts/src/generated', 'the protobuf types', 'npm run generate');
});
step('schema dumps', () => schemas({ write: false }));

/** Fails when a generated file differs from what is committed or staged. */
function unchanged(path, what, command) {
  const diff = spawnSync('git', ['status', '--porcelain', '--', path], { cwd: root, encoding: 'utf8', env: environment() });
  // The second column is the working tree: what is staged already counts as kept.
  const changed = diff.stdout.split('\n').filter((line) => /^.\S/.test(line));
  if (diff.status === 0 && changed.length === 0) return;
  console.error(`${what} are not what the sources say:\n${diff.stderr}${changed.join('\n')}\nRun "${command}" and commit the result.`);
  process.exit(1);
}
