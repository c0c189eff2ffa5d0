import { sha256 } from '@rhei/expressions';
import { readFileSync } from 'node:fs';
import { basename, sep } from 'node:path';

const engine = ['tabular', 'onnx', 'statistics', 'expressions'];

/**
 * SHA-256 over the built files that this process has loaded of the learning engine and of this service, by name and
 * content: what made a model, wherever it lies on the disk.
 */
export function codeDigest(): string {
  const files = Object.keys(require.cache).flatMap((file) => {
    const parts = file.split(sep);
    const dist = parts.lastIndexOf('dist');
    if (dist < 1 || parts.includes('node_modules')) return [];
    const owner = parts[dist - 1];
    if (!engine.includes(owner) && owner !== 'training') return [];
    return [{ name: `${owner}/${parts.slice(dist + 1).join('/')}`, file }];
  });
  const lines = files.filter(({ file }) => basename(file).endsWith('.js')).sort((a, b) => (a.name < b.name ? -1 : 1)).map(({ name, file }) => `${name} ${sha256(readFileSync(file))}\n`);
  return sha256(lines.join(''));
}
