import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { events, type EventName } from './topics';

const folder = join(__dirname, '..', 'golden');
const names = Object.keys(events) as EventName[];
const samplesOf = (name: string): { base64: string; message: object }[] => JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8'));

/** Paths at which a decoded message holds what it holds when nothing was sent. */
function unset(value: unknown, path: string): string[] {
  if (value === undefined || value === null || value === '' || value === 0 || value === false) return [path];
  if (typeof value !== 'object' || value instanceof Uint8Array) return [];
  const inside = Object.entries(value);
  return inside.length === 0 ? [path] : inside.flatMap(([key, inner]) => unset(inner, `${path}.${key}`));
}

describe('the bytes of events that were ever said', () => {
  it('are kept for every event of topics.ts, and for no other', () => {
    expect(readdirSync(folder).sort()).toEqual(names.map((name) => `${name}.json`).sort());
  });

  it.each(names)('%s: are read as they were', (name) => {
    const { decode, toJSON } = events[name].codec as unknown as { decode(bytes: Uint8Array): unknown; toJSON(message: unknown): object };
    for (const { base64, message } of samplesOf(name)) expect(toJSON(decode(Buffer.from(base64, 'base64')))).toEqual(message);
  });

  // A field that was added since fails here: "npm run golden" adds a sample that has it, and leaves the older ones.
  it.each(names)('%s: the newest sample has every field set', (name) => {
    expect(unset(events[name].codec.decode(Buffer.from(samplesOf(name).at(-1)!.base64, 'base64')), name)).toEqual([]);
  });
});
