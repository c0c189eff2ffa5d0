// `npm run baseline`: what has changed in the protobuf files since the last release. With `-- --release`, moves the baseline there.
// Since a baseline is what older services in the field speak, it moves with a release and at no other time.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { install } from './prepare.mjs';
import { buf, presentImage, protoFolder, shapeLines } from './proto-shapes.mjs';

install();
const path = join(protoFolder, 'baseline.binpb');
const known = existsSync(path);
const image = presentImage();
const before = known ? shapeLines(readFileSync(path)) : new Set();
const now = shapeLines(image);
const added = [...now].filter((line) => !before.has(line));
const gone = [...before].filter((line) => !now.has(line));
for (const line of gone) console.log(`- ${line}`);
for (const line of added) console.log(`+ ${line}`);
console.log(`${added.length} added, ${gone.length} gone since the baseline${known ? '' : ' (there is none yet)'}.`);

if (known) {
  const breaking = buf(['breaking', '--against', 'baseline.binpb']);
  if (breaking.status !== 0) {
    console.error(`This breaks what older services can read:\n${breaking.stdout}${breaking.stderr}The baseline stays. Add fields, never remove or renumber them; a field that is not used any more keeps its number as "reserved".`);
    process.exit(1);
  }
}
if (process.argv.includes('--release')) {
  writeFileSync(path, image);
  console.log('proto/baseline.binpb is at this point now. Commit it with the release.');
} else if (added.length + gone.length > 0) {
  console.log('The baseline was not moved: that is for a release. Then: npm run baseline -- --release');
}
