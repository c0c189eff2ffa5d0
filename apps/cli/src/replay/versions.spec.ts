import type { Doors } from './doors';
import type { TimelineEntry } from './timeline';
import { versionsOf } from './versions';

const shift = (asOf: string, version: number, model = 'm'): TimelineEntry => ({ asOf, service: 'serving', subject: 'deployment/d', action: 'shift-traffic', by: 'serving', text: '', details: { model, version } });
const version = (number: number) => ({ model: 'm', version: number, digest: `d${number}`, state: 'retired', causeJson: '{"kind":"drift","reason":"it changed"}', reportJson: '{"challenger":{"logLoss":0.4}}', gates: [{ gate: 'g', passed: true, reason: '', inputsJson: '{}', rule: '' }] });

function doors(): Doors {
  const answer = (response: unknown) => (_request: unknown, _metadata: unknown, _options: unknown, done: (error: null, response: unknown) => void) => done(null, response);
  return { tokens: { admin: 'a' }, registry: { listModels: answer({ models: [{ name: 'm' }] }), listVersions: answer({ versions: [version(2), version(1), version(3)] }) } } as unknown as Doors;
}

describe('the versions of a report', () => {
  it('were live from shift to shift, again after a rollback too, whatever was tried beside them', async () => {
    const rows = await versionsOf(doors(), [shift('1', 1), shift('2', 1), shift('3', 2), shift('4', 9, 'other'), shift('5', 1)]);
    expect(rows.map((row) => [row.version, row.live, row.liveFrom, row.liveTo])).toEqual([
      [1, [['1', '3'], ['5', null]], '1', null],
      [2, [['3', '5']], '3', '5'],
      [3, [], null, null],
    ]);
    expect(rows[0]).toMatchObject({ reason: 'drift: it changed', metrics: { logLoss: 0.4 }, gates: [{ gate: 'g', passed: true, reason: '' }] });
  });
});
