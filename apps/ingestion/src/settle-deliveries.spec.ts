import fc from 'fast-check';
import { candidates, identity, settleDeliveries, type Delivery, type Verdict } from './settle-deliveries';

const a = (digest: string, { source = 's', id = 'a', broken = false } = {}): Delivery => ({ name: identity({ source, id }), digest, broken });

describe('settling deliveries', () => {
  it('keeps the first of an id, in one batch too', () => {
    expect(settleDeliveries([a('1'), a('1'), a('2'), a('1')], new Map())).toEqual(['accepted', 'duplicate', 'conflict', 'duplicate']);
  });
  it('compares with what is known', () => {
    const known = new Map([[a('1').name, '1']]);
    expect(settleDeliveries([a('1'), a('2'), a('1', { source: 't' })], known)).toEqual(['duplicate', 'conflict', 'accepted']);
  });
  it('rejects what is broken, and still takes a sound one under its id', () => {
    expect(settleDeliveries([a('1', { broken: true }), a('2'), a('1', { broken: true })], new Map())).toEqual(['rejected', 'accepted', 'rejected']);
  });
  it('calls what was accepted a duplicate even when the contract has become stricter', () => {
    expect(settleDeliveries([a('1', { broken: true })], new Map([[a('1').name, '1']]))).toEqual(['duplicate']);
  });
  it('offers the first sound delivery of each id, sorted', () => {
    expect(candidates([a('1', { id: 'b' }), a('2', { broken: true }), a('3'), a('4')]).map(({ digest }) => digest)).toEqual(['3', '1']);
  });

  it('gives each id one record and each delivery its due, however the deliveries are cut into commits', () => {
    const delivery = fc.record({ source: fc.constantFrom('s', 't'), id: fc.constantFrom('a', 'b', 'c'), digest: fc.constantFrom('1', '2', '3') })
      // Whether a content is broken belongs to the content.
      .map(({ digest, ...one }): Delivery => ({ name: identity(one), digest, broken: digest === '3' }));
    const commits = fc.array(fc.array(delivery, { maxLength: 6 }), { maxLength: 6 });
    fc.assert(fc.property(commits, (groups) => {
      const table = new Map<string, string>();
      const verdicts: Verdict[] = groups.flatMap((group) => {
        const added = candidates(group).filter((one) => !table.has(one.name));
        const result = settleDeliveries(group, new Map(table));
        for (const one of added) table.set(one.name, one.digest);
        return result;
      });
      const deliveries = groups.flat();
      const first = new Map<string, string>();
      deliveries.forEach((one, index) => {
        const key = one.name;
        const expected = one.broken ? 'rejected' : !first.has(key) ? 'accepted' : first.get(key) === one.digest ? 'duplicate' : 'conflict';
        if (expected === 'accepted') first.set(key, one.digest);
        expect(verdicts[index]).toBe(expected);
      });
      expect(table).toEqual(first);
    }), { seed: 11, numRuns: 500 });
  });
});
