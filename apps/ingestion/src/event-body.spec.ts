import fc from 'fast-check';
import { limits, readBody } from './event-body';

const read = (text: string | Buffer, type = 'application/json') => readBody(Buffer.isBuffer(text) ? text : Buffer.from(text), type);
const codeOf = (act: () => unknown): string => {
  try {
    act();
    return 'taken';
  } catch (error) {
    return (error as { code: string }).code;
  }
};

describe('cutting a body into events', () => {
  it('keeps the very bytes of each event of a batch', () => {
    const { batch, events } = read(' [ {"a": "],\\"[{"} ,\n{"b":[1,{"c":2}]}, 7 ] ', 'application/cloudevents-batch+json');
    expect(batch).toBe(true);
    expect(events.map(({ bytes }) => bytes.toString())).toEqual([' {"a": "],\\"[{"} ', '\n{"b":[1,{"c":2}]}', ' 7 ']);
    expect(events.map(({ value }) => value)).toEqual([{ a: '],"[{' }, { b: [1, { c: 2 }] }, 7]);
  });

  it('reads any array of JSON as JSON.parse does', () => {
    fc.assert(fc.property(fc.array(fc.json({ maxDepth: 4 }), { maxLength: 8 }), (items) => {
      const text = `[${items.join(',')}]`;
      expect(read(text).events.map(({ value }) => value)).toEqual(JSON.parse(text));
    }), { seed: 4, numRuns: 200 });
  });

  it('refuses whatever JSON.parse refuses', () => {
    const noise = fc.array(fc.constantFrom('[', ']', '{', '}', ',', ':', '"', '\\', '1', 'a', ' ', 'null', '{}', '""'), { maxLength: 12 }).map((parts) => parts.join(''));
    fc.assert(fc.property(noise, (text) => {
      const parsed = codeOf(() => {
        const value: unknown = JSON.parse(text);
        if (typeof value !== 'object' || value === null) throw Object.assign(new Error(), { code: 'invalid' });
      });
      expect(codeOf(() => read(text))).toBe(parsed === 'taken' ? 'taken' : 'invalid');
    }), { seed: 4, numRuns: 2_000 });
  });

  it('takes an empty batch', () => {
    expect(read('[]', 'application/cloudevents-batch+json')).toEqual({ batch: true, events: [] });
  });

  it.each([
    ['nothing', ''], ['a text', 'hello'], ['a number', '12'], ['a cut-off object', '{"id": "a"'], ['a cut-off text', '{"id": "a'], ['two objects', '{}{}'],
    ['a comma too many', '[{},]'], ['a missing comma', '[{} {}]'], ['a byte order mark', '\ufeff{}'], ['mixed brackets', '[{]}'],
    ['UTF-16', Buffer.from('{"id":"a"}', 'utf16le')], ['half a UTF-8 character', Buffer.from([0x7b, 0x22, 0xc3, 0x22, 0x7d])],
  ])('calls %s no JSON', (_what, body) => {
    expect(codeOf(() => read(body))).toBe('invalid');
  });

  it('holds the content type to the body', () => {
    expect(() => read('{}', 'application/cloudevents-batch+json')).toThrow('application/cloudevents-batch+json holds an array');
    expect(() => read('[]', 'application/cloudevents+json; charset=utf-8')).toThrow('application/cloudevents+json holds one object');
    expect(() => read('{}', 'text/plain')).toThrow('content type is "text/plain"');
    expect(() => readBody(Buffer.from('{}'), undefined)).toThrow('expected application/cloudevents+json');
  });

  it('says of each event alone that it is too large or too deep', () => {
    const large = `{"data":"${'x'.repeat(limits.eventBytes)}"}`;
    const deep = (levels: number) => '{"a":'.repeat(levels) + '1' + '}'.repeat(levels);
    const { events } = read(`[{"id":"a"},${large},${deep(limits.depth)},${deep(limits.depth + 1)}]`);
    expect(events.map(({ fault }) => fault?.code)).toEqual([undefined, 'too_large', undefined, 'invalid']);
    expect(read(deep(limits.depth + 1)).events[0].fault?.message).toBe('The event is nested 33 levels deep; at most 32 are taken.');
  });

  it('survives four million open brackets', () => {
    expect(codeOf(() => read('['.repeat(limits.bodyBytes)))).toBe('invalid');
    const { events } = read(`[${'['.repeat(100_000)}${']'.repeat(100_000)}]`);
    expect(events[0].fault?.code).toBe('invalid');
  });

  it('counts the events of a batch', () => {
    expect(read(`[${Array(limits.events).fill('{}').join()}]`).events).toHaveLength(limits.events);
    expect(() => read(`[${Array(limits.events + 1).fill('{}').join()}]`)).toThrow('at most 1000 are taken');
    expect(codeOf(() => read(Buffer.alloc(limits.bodyBytes + 1, 0x20)))).toBe('too_large');
  });
});
