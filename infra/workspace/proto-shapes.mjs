// What the protobuf files say, as descriptors and as lines to compare.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { createFileRegistry, fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { environment, root } from './prepare.mjs';

export const protoFolder = join(root, 'proto');

/** Runs buf in proto/. Its output is returned, not shown. */
export const buf = (args, cwd = protoFolder) => spawnSync(join(root, 'node_modules', '.bin', 'buf'), args, { cwd, env: environment(), maxBuffer: 64 * 1024 * 1024 });

/** The image of the files as they stand: every message, without comments and positions. */
export function presentImage() {
  const built = buf(['build', '--exclude-source-info', '-o', '-']);
  if (built.status !== 0) {
    console.error(`The protobuf files cannot be read:\n${built.stderr}`);
    process.exit(1);
  }
  return built.stdout;
}

export const registryOf = (image) => createFileRegistry(fromBinary(FileDescriptorSetSchema, image));

/** One line for each field, enum value and method. */
export function shapeLines(image) {
  const lines = new Set();
  for (const type of registryOf(image)) {
    if (type.kind === 'message') for (const { number, name, proto } of type.fields) lines.add(`field  ${type.typeName}.${name} = ${number}, ${proto.typeName || `type ${proto.type}`}${proto.label === 3 ? ', repeated' : ''}`);
    if (type.kind === 'enum') for (const { name, number } of type.values) lines.add(`value  ${type.typeName}.${name} = ${number}`);
    if (type.kind === 'service') for (const { name, input, output } of type.methods) lines.add(`method ${type.typeName}/${name}(${input.typeName}) ${output.typeName}`);
  }
  return lines;
}
