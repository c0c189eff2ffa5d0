import type { runtime, ServiceName } from '@rhei/contracts';
import { digestDecisions } from './digest-decisions';

const decision = (sequence: number, change: Partial<runtime.Decision> = {}): runtime.Decision => ({
  sequence, asOf: 100 + (sequence % 3), writtenAt: 7, subject: `model/m/${sequence}`, action: 'gate', by: 'registry', inputsJson: '{}', inputsDigest: `digest ${sequence}`,
  outcomeJson: JSON.stringify({ version: sequence }), previousHash: '', hash: '', ...change,
});
const of = (registry: runtime.Decision[], training: runtime.Decision[] = []) => digestDecisions(new Map<ServiceName, runtime.Decision[]>([['registry', registry], ['training', training]]));

describe('the digest of decisions', () => {
  const six = [1, 2, 3, 4, 5, 6];

  it('does not depend on the order in which services wrote them, nor on sequence, hash and system time', () => {
    const later = six.map((number) => decision(number, { sequence: 99 - number, writtenAt: number, hash: 'other' })).reverse();
    expect(of(later)).toBe(of(six.map((number) => decision(number))));
  });

  it('depends on what was decided, by which service, when and from what', () => {
    const changes: Partial<runtime.Decision>[] = [{}, { outcomeJson: '{"version":2}' }, { asOf: 1 }, { inputsDigest: 'x' }, { subject: 'y' }, { action: 'approve' }];
    const digests = [...changes.map((change) => of([decision(1, change)])), of([], [decision(1)])];
    expect(new Set(digests).size).toBe(digests.length);
  });
});
