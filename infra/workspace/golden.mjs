// `npm run golden`: adds to libs/contracts/golden a sample of each event whose present shape has none. It never changes a sample that is there:
// those bytes may stand in somebody's log. They are written by another encoder than the one that the services use, every field set.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { create, toBinary, toJson } from '@bufbuild/protobuf';
import { build, root } from './prepare.mjs';
import { presentImage, registryOf } from './proto-shapes.mjs';

build();
const { events } = createRequire(import.meta.url)(join(root, 'libs', 'contracts', 'dist', 'index.js'));
const registry = registryOf(presentImage());

for (const [name, { from, codec }] of Object.entries(events)) {
  const schema = registry.getMessage(`rhei.${from}.v1.${name}`);
  if (!schema) throw new Error(`Event ${name} of topics.ts: expected a message rhei.${from}.v1.${name}, got none.`);
  const bytes = toBinary(schema, filled(schema));
  const base64 = Buffer.from(bytes).toString('base64');
  const path = join(root, 'libs', 'contracts', 'golden', `${name}.json`);
  const samples = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : [];
  if (samples.some((sample) => sample.base64 === base64)) continue;
  samples.push({ base64, message: codec.toJSON(codec.decode(bytes)) });
  writeFileSync(path, `${JSON.stringify(samples, null, 2)}\n`);
  console.log(`${name}: a sample was added (${bytes.length} bytes): ${JSON.stringify(toJson(schema, filled(schema))).slice(0, 100)}…`);
}

/** A message of which every field is set, at every depth, each to a value that follows from its name and number. */
function filled(schema, depth = 0) {
  if (depth > 8) throw new Error(`${schema.typeName} holds itself: a sample of it would never end.`);
  const message = create(schema);
  for (const field of schema.fields) {
    const text = `${field.name} ${field.number}`;
    const one = (key) => {
      if (key.message) return filled(key.message, depth + 1);
      if (key.enum) return key.enum.values.at(-1).number;
      return scalar(key.scalar ?? key, text, field.number);
    };
    let value;
    if (field.fieldKind === 'list') value = [one(field), one(field)];
    else if (field.fieldKind === 'map') value = { [`key of ${text}`]: one(field) };
    else value = one(field);
    if (field.oneof) message[field.oneof.localName] = { case: field.localName, value };
    else message[field.localName] = value;
  }
  return message;
}

/** By number in descriptor.proto. Whole numbers reach beyond 32 bits where the type does: instants do too. */
function scalar(type, text, number) {
  if (type === 9) return `${text} – größer`;
  if (type === 12) return Buffer.from(text);
  if (type === 8) return true;
  if (type === 1) return number + 1 / 3;
  if (type === 2) return number + 0.5;
  if ([3, 4, 6, 16, 18].includes(type)) return 978_307_200_000_000n + BigInt(number);
  return 100_000 + number;
}
