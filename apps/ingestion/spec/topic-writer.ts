/** A record as a Kafka client takes it. */
export interface Written {
  key: string | null;
  headers: Record<string, string>;
  value: Buffer | null;
}
type Event = Record<string, unknown> & { data?: unknown };

/** What a program writes that has a Kafka client, a JSON library and the specification, and no package. */
export const plain = {
  binary({ data, datacontenttype = 'application/json', ...attributes }: Event, key: string | null = null): Written {
    const headers = Object.fromEntries(Object.entries(attributes).map(([name, value]) => [`ce_${name}`, String(value)]));
    return { key, headers: { ...headers, ...(datacontenttype !== null && { 'content-type': String(datacontenttype) }) }, value: data === undefined ? null : Buffer.from(JSON.stringify(data)) };
  },
  structured: (event: Event, key: string | null = null): Written =>
    ({ key, headers: { 'content-type': 'application/cloudevents+json; charset=UTF-8' }, value: Buffer.from(JSON.stringify(event)) }),
};

/** What `Kafka.binary` and `Kafka.structured` of the package give, as its users have to hand it to a client: with the value as JSON and without what is undefined. */
export function fromPackage({ headers, body, key }: { headers: object; body: unknown; key?: unknown }): Written {
  const kept = Object.entries(headers).filter(([, value]) => value !== undefined && value !== null).map(([name, value]) => [name, String(value)]);
  return { key: typeof key === 'string' ? key : null, headers: Object.fromEntries(kept), value: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)) };
}

/** As a reader gets it. */
export const asRead = ({ headers, value, key }: Written, offset = 0) => ({
  offset, key: key === null ? null : Buffer.from(key), value, headers: Object.fromEntries(Object.entries(headers).map(([name, text]) => [name, Buffer.from(text)])),
});
