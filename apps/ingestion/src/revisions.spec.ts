import fc from 'fast-check';
import { byRevision, succeed } from './revisions';

const aRecord = (id: string, revision: number, more: object = {}) => ({ source: 's', type: 't', identity: 'f', id, revision, eventTime: 1, arrival: 1, supersedes: '', ...more });

describe('what a revision supersedes', () => {
  it('is the record that counted before, the highest revision and not the last to come', () => {
    const late = aRecord('c', 2);
    succeed([late], [aRecord('b', 3)]);
    expect(late.supersedes).toBe('b');
  });

  it('is nothing for another source, type or fact, and for what has no fact', () => {
    const others = [aRecord('a', 2, { source: 'x' }), aRecord('b', 2, { type: 'x' }), aRecord('c', 2, { identity: 'x' }), aRecord('d', 2, { identity: '' }), aRecord('e', 2, { identity: '' })];
    succeed(others, [aRecord('known', 1)]);
    expect(others.map(({ supersedes }) => supersedes)).toEqual(['', '', '', '', '']);
  });

  it('falls to event time, arrival and id among equal revisions', () => {
    const records = [aRecord('a', 1, { eventTime: 2 }), aRecord('b', 1, { arrival: 2 }), aRecord('c', 1), aRecord('d', 1)];
    expect([...records].sort(byRevision).map(({ id }) => id)).toEqual(['c', 'd', 'b', 'a']);
  });

  it('does not depend on the order in which one commit takes them in', () => {
    const statement = fc.record({ identity: fc.constantFrom('f', 'g'), revision: fc.nat(3), eventTime: fc.nat(2) });
    fc.assert(fc.property(fc.array(statement, { maxLength: 8 }), fc.infiniteStream(fc.nat(1_000)), (statements, order) => {
      const make = () => statements.map((one, index) => aRecord(`r${index}`, one.revision, one));
      const [straight, mixed] = [make(), make()];
      succeed(straight, []);
      const places = mixed.map((record) => ({ record, at: order.next().value as number })).sort((a, b) => a.at - b.at);
      succeed(places.map(({ record }) => record), []);
      expect(mixed).toEqual(straight);
      for (const fact of ['f', 'g']) expect(straight.filter(({ identity, supersedes }) => identity === fact && supersedes === '').length).toBe(straight.some(({ identity }) => identity === fact) ? 1 : 0);
    }), { seed: 6, numRuns: 200 });
  });
});
