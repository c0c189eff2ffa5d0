import { digestOf, parseInstant } from '@rhei/expressions';
import { isTraceparent, readCloudEvent } from './cloud-event';

const event = { specversion: '1.0', source: 'airline', id: 'l1', type: 'flight.landed', time: '2001-01-02T03:04:05Z', subject: 'f1', data: { delay: 3 } };
const without = (name: keyof typeof event) => Object.fromEntries(Object.entries(event).filter(([key]) => key !== name));

describe('reading a CloudEvent', () => {
  it('takes the attributes and data', () => {
    expect(readCloudEvent(event)).toMatchObject({ source: 'airline', id: 'l1', type: 'flight.landed', time: parseInstant('2001-01-02T03:04:05Z'), subject: 'f1', data: { delay: 3 }, dataJson: '{"delay":3}' });
  });

  it('digests what the event says, as canonical JSON', () => {
    const { source, id, type, time, subject, data } = event;
    expect(readCloudEvent(event).digest).toBe(digestOf({ source, id, type, time, subject, data }));
    expect(readCloudEvent(without('data')).digest).toBe(digestOf({ source, id, type, time, subject }));
  });

  it('gives one content one digest, however it is written', () => {
    const { digest } = readCloudEvent({ ...event, data: { a: 1, b: [1, 2] } });
    expect(readCloudEvent({ ...event, data: { b: [1.0, 2], a: 1e0 }, time: '2001-01-02T04:04:05.000+01:00', dataschema: 'x', traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' }).digest).toBe(digest);
    expect(readCloudEvent({ ...event, data: { b: [2, 1], a: 1 } }).digest).not.toBe(digest);
    expect(readCloudEvent({ ...without('subject'), data: { a: 1, b: [1, 2] } }).digest).not.toBe(digest);
  });

  it.each<[string, string, unknown]>([
    ['a list', 'event', []], ['null', 'event', null],
    ['no version', 'specversion', without('specversion')], ['version 0.3', 'specversion', { ...event, specversion: '0.3' }],
    ['no id', 'id', without('id')], ['no source', 'source', without('source')], ['no type', 'type', without('type')],
    ['a number as id', 'id', { ...event, id: 7 }], ['an empty id', 'id', { ...event, id: '' }], ['an endless id', 'id', { ...event, id: 'x'.repeat(257) }],
    ['a line break in the source', 'source', { ...event, source: 'air\nline' }], ['a NUL in the id', 'id', { ...event, id: 'a\0' }],
    ['half a surrogate pair in the subject', 'subject', { ...event, subject: '\ud800' }],
    ['a time without offset', 'time', { ...event, time: '2001-01-02T03:04:05' }], ['30 February', 'time', { ...event, time: '2001-02-30T00:00:00Z' }],
    ['a field that belongs into data', 'event_time', { ...event, event_time: 1 }], ['an object as extension', 'region', { ...event, region: {} }],
    ['a fraction as extension', 'weight', { ...event, weight: 1.5 }],
    ['binary data', 'data_base64', { ...without('data'), data_base64: 'AA==' }], ['XML', 'datacontenttype', { ...event, datacontenttype: 'text/xml' }],
    ['a NUL in data', 'data', { ...event, data: { a: ['x\0'] } }], ['half a surrogate pair in data', 'data', { ...event, data: '\udfff' }],
    ['a number beyond all', 'data', { ...event, data: JSON.parse('1e400') }],
  ])('names the attribute of what is no CloudEvent: %s', (_what, field, value) => {
    let error: { code?: string; details?: { field?: string } } = {};
    try {
      readCloudEvent(value);
    } catch (thrown) {
      error = thrown as typeof error;
    }
    expect([error.code, error.details?.field]).toEqual(['invalid', field]);
  });

  it('takes a text that only speaks of NUL', () => {
    expect(readCloudEvent({ ...event, data: '\\u0000' }).data).toBe('\\u0000');
  });

  it('keeps a trace context that is one', () => {
    expect(readCloudEvent({ ...event, traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' }).traceparent).toBeDefined();
    expect(readCloudEvent({ ...event, traceparent: 'nonsense' }).traceparent).toBeUndefined();
    expect(isTraceparent(`00-${'0'.repeat(32)}-b7ad6b7169203331-01`)).toBe(false);
  });

  it('takes any JSON media type', () => {
    for (const datacontenttype of ['application/json', 'application/json; charset=utf-8', 'application/vnd.airline+json', null]) {
      expect(readCloudEvent({ ...event, datacontenttype }).id).toBe('l1');
    }
  });

  it('keeps keys that mean something to JavaScript', () => {
    expect(readCloudEvent({ ...event, data: JSON.parse('{"__proto__":{"a":1},"constructor":2}') }).dataJson).toBe('{"__proto__":{"a":1},"constructor":2}');
  });
});
