import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { runtime } from '@rhei/contracts';
import { canonicalJson } from '@rhei/expressions';
import { call, connect } from '@rhei/runtime';
import type { RunningServices } from '@rhei/testing';

/** The contract of the example. */
export const contract = (parse(readFileSync(join(__dirname, '../../../examples/flights/source.yaml'), 'utf8')) as { spec: unknown }).spec;

let next = 0;
/** A sound event of its own, changed in its attributes and its data. */
export const anEvent = (change: object = {}, data: object = {}) => {
  const id = `l${++next}`;
  return { specversion: '1.0', source: 'airline', id, type: 'flight.landed', time: '2001-01-01T00:00:00Z', data: { flight: `f${next}`, origin: 'ABC', destination: 'DEF', delay: 3, ...data }, ...change };
};

export interface Sending {
  to?: string;
  as?: string;
  type?: string;
  headers?: Record<string, string>;
}

/** Sends a body to the door of ingestion. */
export async function publish(services: RunningServices, body: unknown, { to = services.http, as = 'airline', type = Array.isArray(body) ? 'application/cloudevents-batch+json' : 'application/cloudevents+json', headers = {} }: Sending) {
  const response = await fetch(`${to}/ingestion/events`, {
    method: 'POST', headers: { authorization: `Bearer ${services.token(as)}`, 'content-type': type, ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return { status: response.status, headers: response.headers, answer: (await response.json()) as any };
}

export async function applySource(services: RunningServices, name: string, spec: unknown) {
  const client = connect(runtime.ResourceServiceClient, services.grpc, services.token('dev'));
  try {
    return await call(client, 'applyResources', { service: 'ingestion', resources: [{ kind: 'Source', name, specJson: canonicalJson(spec), version: 0 }] }, { deadline: 5_000 });
  } finally {
    client.close();
  }
}
