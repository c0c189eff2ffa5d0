import { CloudEvent, Kafka } from 'cloudevents';
import { asRead, fromPackage, plain, type Written } from '../spec/topic-writer';
import { readKafkaEvent } from './kafka-event';

const event = {
  specversion: '1.0', id: 'e-1', source: 'shop', type: 'order.placed', subject: 'größer', time: '2001-03-04T05:06:07.000Z',
  partitionkey: 'k', traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', data: { amount: 3.5, text: 'ümläut "quoted"', nested: { list: [1, null] } },
};
const read = (written: Written) => readKafkaEvent(asRead(written));
const expected = { source: 'shop', id: 'e-1', type: 'order.placed', subject: 'größer', time: 983_682_367_000_000, traceparent: event.traceparent, data: event.data };

describe('an event in a topic', () => {
  it.each<[string, Written]>([
    ['the package in binary mode', fromPackage(Kafka.binary(new CloudEvent(event)))],
    ['the package in structured mode', fromPackage(Kafka.structured(new CloudEvent(event)))],
    ['a plain client in binary mode', plain.binary(event, 'k')],
    ['a plain client in structured mode', plain.structured(event)],
    ['a plain client that says no content type', plain.binary({ ...event, datacontenttype: null })],
    ['a client that writes media types as it likes', { ...plain.structured(event), headers: { 'Content-Type': 'Application/CloudEvents+JSON' } }],
  ])('is read as %s writes it', (_, written) => {
    const { event: found, fault, original } = read(written);
    expect(fault).toBeUndefined();
    expect(found).toMatchObject(expected);
    expect(original).toEqual(written.value);
  });

  it('has one content, whoever wrote it in whichever mode', () => {
    const digests = [plain.binary(event), plain.structured(event), fromPackage(Kafka.binary(new CloudEvent(event))), fromPackage(Kafka.structured(new CloudEvent(event)))].map((written) => read(written).event!.digest);
    expect(new Set(digests).size).toBe(1);
  });

  it.each([['binary', plain.binary(event)], ['structured', plain.structured(event)]])('that a plain client writes in %s mode is read by the package as it is by us', (_, written) => {
    const theirs = Kafka.toEvent({ headers: written.headers, body: undefined, key: 'k', value: written.value!.toString() } as never) as CloudEvent<unknown>;
    const ours = read(written).event!;
    const data = typeof theirs.data === 'string' ? (JSON.parse(theirs.data) as unknown) : theirs.data;
    expect({ source: theirs.source, id: theirs.id, type: theirs.type, subject: theirs.subject, data }).toEqual({ source: ours.source, id: ours.id, type: ours.type, subject: ours.subject, data: ours.data });
  });

  it('keeps the trace of the hop apart from the trace in which the event was born', () => {
    const hop = '00-11111111111111111111111111111111-2222222222222222-01';
    const written = plain.binary(event);
    expect(read({ ...written, headers: { ...written.headers, traceparent: hop } })).toMatchObject({ traceparent: hop, event: { traceparent: event.traceparent } });
    expect(read({ ...written, headers: { ...written.headers, traceparent: 'no trace' } }).traceparent).toBeUndefined();
  });

  it('may have no value: then it has no data, which its contract judges', () => {
    expect(read({ ...plain.binary(event), value: null })).toMatchObject({ event: { id: 'e-1', data: undefined, dataJson: '' }, original: Buffer.alloc(0) });
  });

  it('may have any JSON for its data', () => {
    for (const data of [0, 'text', [1, 2], null, true]) expect(read(plain.binary({ ...event, data })).event?.data).toEqual(data);
  });
});

describe('a record that is no event', () => {
  const bytes = (name: string, value: Buffer, written = plain.binary(event)) => {
    const record = asRead(written);
    return readKafkaEvent({ ...record, headers: { ...record.headers, [name]: value } });
  };
  const deep = (levels: number): string => `${'['.repeat(levels)}${']'.repeat(levels)}`;
  it.each<[string, () => ReturnType<typeof read>, string, object]>([
    ['nothing at all', () => readKafkaEvent({ headers: {}, value: null }), 'headers', {}],
    ['JSON without headers', () => read({ key: null, headers: { 'content-type': 'application/json' }, value: Buffer.from(JSON.stringify(event)) }), 'headers', {}],
    ['a batch', () => read({ key: null, headers: { 'content-type': 'application/cloudevents-batch+json' }, value: Buffer.from(JSON.stringify([event])) }), 'content-type', {}],
    ['another format', () => read({ key: null, headers: { 'content-type': 'application/cloudevents+avro' }, value: Buffer.from('Obj') }), 'content-type', {}],
    ['structured without a value', () => read({ ...plain.structured(event), value: null }), 'value', {}],
    ['structured with broken JSON', () => read({ ...plain.structured(event), value: Buffer.from('{"id": "e') }), 'body', {}],
    ['structured with two events', () => read({ ...plain.structured(event), value: Buffer.from(JSON.stringify([event, event])) }), 'content-type', {}],
    ['data that is no JSON', () => read({ ...plain.binary(event), value: Buffer.from('amount=3') }), 'data', { id: 'e-1', source: 'shop', type: 'order.placed' }],
    ['data of another media type', () => read(plain.binary({ ...event, datacontenttype: 'application/xml' })), 'content-type', { id: 'e-1' }],
    ['data that is no UTF-8', () => read({ ...plain.binary(event), value: Buffer.from([0x22, 0xff, 0x22]) }), 'data', { id: 'e-1' }],
    ['data that is nested too deep', () => read({ ...plain.binary(event), value: Buffer.from(deep(40)) }), 'data', { id: 'e-1' }],
    ['data that is nested beyond any stack', () => read({ ...plain.binary(event), value: Buffer.from(deep(100_000)) }), 'data', { id: 'e-1' }],
    ['a header that is no UTF-8', () => bytes('ce_subject', Buffer.from([0xc3, 0x28])), 'ce_subject', { id: 'e-1' }],
    ['an id with a control character', () => bytes('ce_id', Buffer.from('a\0b')), 'id', { source: 'shop' }],
    ['an id that is too long', () => bytes('ce_id', Buffer.alloc(300, 'x')), 'id', { source: 'shop' }],
    ['a name in capitals', () => bytes('ce_Amount', Buffer.from('1')), 'Amount', { id: 'e-1' }],
    ['data in a header', () => bytes('ce_data', Buffer.from('{}')), 'ce_data', { id: 'e-1' }],
    ['the prototype as an attribute', () => bytes('ce___proto__', Buffer.from('x')), '__proto__', { id: 'e-1' }],
    ['no id', () => { const { ce_id: _, ...headers } = plain.binary(event).headers; return read({ ...plain.binary(event), headers }); }, 'id', { source: 'shop', type: 'order.placed' }],
    ['another version', () => bytes('ce_specversion', Buffer.from('0.3')), 'specversion', { id: 'e-1' }],
    ['a time that is none', () => bytes('ce_time', Buffer.from('yesterday')), 'time', { id: 'e-1' }],
  ])('such as %s, is told by its fault, with what it says of itself', (_, reading, field, named) => {
    const { event: found, fault, named: said } = reading();
    expect(found).toBeUndefined();
    expect(['invalid', 'too_large']).toContain(fault!.code);
    expect(fault!.details.field ?? 'body').toBe(field);
    expect(said).toMatchObject(named);
  });

  it('such as one that is too large, is told by its fault', () => {
    expect(read(plain.binary({ ...event, data: 'x'.repeat(300_000) })).fault).toMatchObject({ code: 'too_large' });
    expect(read(plain.structured({ ...event, data: 'x'.repeat(300_000) })).fault).toMatchObject({ code: 'too_large' });
  });
});
