import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(__dirname, '..', '..', '..');

/** What `npm run check` asks, on a copy of the protobuf files in which `change` was made. */
function askedOf(file: string, change: (text: string) => string): { status: number | null; said: string } {
  const copy = mkdtempSync(join(tmpdir(), 'rhei-proto-'));
  try {
    cpSync(join(root, 'proto'), copy, { recursive: true });
    const path = join(copy, file);
    const before = readFileSync(path, 'utf8');
    writeFileSync(path, change(before));
    const { status, stdout, stderr } = spawnSync(join(root, 'node_modules', '.bin', 'buf'), ['breaking', '--against', 'baseline.binpb'], { cwd: copy, encoding: 'utf8' });
    return { status, said: `${stdout}${stderr}` };
  } finally {
    rmSync(copy, { recursive: true });
  }
}
const events = 'rhei/registry/v1/events.proto';

describe('the check against the last release', () => {
  it('finds nothing in the files as they are', () => {
    expect(askedOf(events, (text) => text)).toEqual({ status: 0, said: '' });
  });

  it('lets a field be added', () => {
    expect(askedOf(events, (text) => text.replace('message ModelApplied {', 'message ModelApplied {\n  string added = 77;')).status).toBe(0);
  });

  it.each([
    ['removed', (text: string) => text.replace('  string spec_json = 3;\n', ''), /"3".*"spec_json".*"ModelApplied" was deleted/],
    ['given another number', (text: string) => text.replace('string spec_json = 3;', 'string spec_json = 4;'), /"3".*"ModelApplied"/],
    ['given another type', (text: string) => text.replace('string spec_json = 3;', 'int64 spec_json = 3;'), /type from "string" to "int64"/],
  ])('refuses a field that was %s', (_, change, complaint) => {
    const { status, said } = askedOf(events, change);
    expect(status).not.toBe(0);
    expect(said).toMatch(complaint);
  });

  it('is part of "npm run check"', () => {
    expect(readFileSync(join(root, 'infra', 'workspace', 'check.mjs'), 'utf8')).toContain("['breaking', '--against', 'baseline.binpb']");
  });
});
