import type { runtime, ServiceName } from '@rhei/contracts';
import { parseInstant } from '@rhei/expressions';
import { rollbacksOf } from './rollbacks';
import { timelineOf } from './timeline';

const noon = parseInstant('2024-03-05T12:00:00Z');
const decision = (sequence: number, action: string, change: Partial<runtime.Decision> = {}): runtime.Decision => ({
  sequence, asOf: noon, writtenAt: 0, subject: 'x', action, by: 'ann', inputsJson: '{}', inputsDigest: '', outcomeJson: '{}', previousHash: '', hash: '', ...change,
});
const timeline = (decisions: Partial<Record<ServiceName, runtime.Decision[]>>) => timelineOf(new Map(Object.entries(decisions) as [ServiceName, runtime.Decision[]][]));

describe('the timeline', () => {
  it('tells causes before their effects within one instant', () => {
    const entries = timeline({ serving: [decision(1, 'shift-traffic')], registry: [decision(7, 'promote'), decision(6, 'approve')], training: [decision(3, 'start-run', { asOf: noon - 1 })] });
    expect(entries.map(({ action }) => action)).toEqual(['start-run', 'approve', 'promote', 'shift-traffic']);
  });

  it('tells once what was done to many things, with their number', () => {
    const mended = Array.from({ length: 30 }, (_, index) => decision(index + 1, 'mend-event', { subject: `event/till/p${index}`, by: index < 20 ? 'ann' : 'bob' }));
    expect(timeline({ ingestion: [...mended, decision(99, 'mend-event', { asOf: noon + 1 })] }).map(({ text }) => text))
      .toEqual(['ann → mend event: 20 of them', 'bob → mend event: 10 of them', 'ann → mend event: 1 of them']);
  });

  it('tells that a retraining was declined, but not each look of a plan that does not train', () => {
    const entries = timeline({ training: [decision(1, 'decline', { outcomeJson: '{"reason":"cooldown"}' }), decision(2, 'decline', { inputsJson: '{"request":"r1"}', outcomeJson: '{"reason":"run 1 is open"}' })] });
    expect(entries.map(({ text }) => text)).toEqual(['ann → decline x: run 1 is open']);
  });

  it('tells a rollback once, as serving did it', () => {
    const inputs = {
      inputsJson: '{"model":"m","version":3}', outcomeJson: '{"live":2,"by":"guard","reason":"scores moved","text":"version 2 of m answers instead of version 3"}', subject: 'deployment/tills', by: 'serving',
    };
    const entries = timeline({ serving: [decision(1, 'roll-back', inputs)], registry: [decision(1, 'roll-back', { subject: 'model/m/3' })] });
    expect(rollbacksOf(entries)).toEqual([{ deployment: 'tills', model: 'm', version: 3, to: 2, by: 'guard', reason: 'scores moved', at: '2024-03-05T12:00:00Z' }]);
    expect(entries.map(({ text }) => text)).toEqual(['serving → roll back deployment/tills: version 2 of m answers instead of version 3: scores moved']);
  });
});
