import { asRead, plain } from '../spec/topic-writer';
import { mendedEvent } from './mended-event';
import { readOriginal } from './original-event';
import type { QuarantineRow } from './quarantine.store';

const event = { specversion: '1.0', source: 'shop', id: 'e1', type: 'placed', subject: 'größer', time: '2001-03-04T05:06:07.000Z', data: { amount: -1 } };
const aRow = (change: Partial<QuarantineRow> = {}): QuarantineRow => ({
  sequence: '7', source: 'shop', eventId: 'e1', eventType: 'placed', code: 'rejected', field: 'data.amount', rule: 'data.amount > 0.0', hint: '', sender: 'airline', receivedAt: 1, original: Buffer.from(JSON.stringify(event)), contentDigest: 'd', ...change,
});
/** As it is kept of a topic. */
const fromTopic = (written: ReturnType<typeof plain.binary>, change: Partial<QuarantineRow> = {}): QuarantineRow => {
  const { value, headers } = asRead(written);
  return aRow({ original: Buffer.from(value ?? []), headers: Object.fromEntries(Object.entries(headers).map(([name, bytes]) => [name, Buffer.from(bytes)])), stood: { topic: 'upstream.shop', partition: 0, offset: 3, key: null }, ...change });
};
const mend = (row: QuarantineRow, data: object = { amount: 1 }) => mendedEvent(row, { eventJson: '', dataJson: JSON.stringify(data) });
const whole = (row: QuarantineRow, change: object = {}) => mendedEvent(row, { eventJson: JSON.stringify({ ...event, data: { amount: 1 }, ...change }), dataJson: '' });

describe('a mended event', () => {
  it('has the attributes that were sent, whatever way it came', () => {
    const expected = { source: 'shop', id: 'e1', type: 'placed', subject: 'größer', time: 983_682_367_000_000, data: { amount: 1 } };
    for (const row of [aRow(), fromTopic(plain.binary(event)), fromTopic(plain.structured(event))]) expect(mend(row)).toMatchObject(expected);
    expect(new Set([aRow(), fromTopic(plain.binary(event)), fromTopic(plain.structured(event))].map((row) => mend(row).digest)).size).toBe(1);
  });

  it('takes another data where it had none, or data that could not be read', () => {
    expect(mend(fromTopic({ ...plain.binary(event), value: null })).data).toEqual({ amount: 1 });
    const csv = fromTopic({ ...plain.binary(event), headers: { ...plain.binary(event).headers, 'content-type': 'text/csv' } }, { code: 'invalid', field: 'content-type' });
    expect(() => mend(csv)).toThrow(/no attributes to keep/);
    expect(whole(csv)).toMatchObject({ id: 'e1', data: { amount: 1 } });
  });

  it('belongs to the owner of the topic, where it said that it was another\'s', () => {
    const forged = fromTopic(plain.binary({ ...event, source: 'bank' }), { code: 'forbidden', field: 'source' });
    expect(mend(forged)).toMatchObject({ source: 'shop' });
    expect(() => whole(forged, { source: 'bank' })).toThrow(/keeps its source/);
  });

  it('may have another type where the type was the fault, and an id where it had none', () => {
    expect(whole(aRow({ eventType: 'eaten', field: 'type', code: 'not_found' }))).toMatchObject({ type: 'placed' });
    expect(() => whole(aRow({ eventType: 'eaten' }))).toThrow(/keeps its type/);
    expect(whole(aRow({ eventId: '', code: 'invalid', original: Buffer.from('half') }), { id: 'new' })).toMatchObject({ id: 'new' });
  });

  it('may have another time only where the time was the fault, or none could be read', () => {
    expect(() => whole(aRow(), { time: '2001-03-04T05:06:08Z' })).toThrow('keeps its time when it is mended: expected 2001-03-04T05:06:07Z, got 2001-03-04T05:06:08Z');
    expect(whole(aRow({ rule: 'skew' }), { time: '2001-03-04T05:06:08Z' })).toMatchObject({ time: 983_682_368_000_000 });
    expect(whole(aRow({ original: Buffer.from(JSON.stringify({ ...event, time: 'soon' })) }), { time: '2001-03-04T05:06:08Z' })).toMatchObject({ time: 983_682_368_000_000 });
  });
});

describe('what is kept', () => {
  it('is read again without a throw, whatever it holds', () => {
    for (const original of ['', '{', '[]', '{"a":1}', '\0', '"text"']) expect(readOriginal(aRow({ original: Buffer.from(original) })).fault).toBeDefined();
    expect(readOriginal(aRow({ original: Buffer.from([0xff]) })).fault).toBeDefined();
    expect(readOriginal(fromTopic({ key: null, headers: { 'ce_id': 'x' }, value: Buffer.from('\0') })).fault).toBeDefined();
  });
});
