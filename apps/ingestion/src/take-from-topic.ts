import { forbidden, unavailable, type RheiError } from '@rhei/contracts';
import { sha256 } from '@rhei/expressions';
import type { UpstreamPlace, UpstreamRecord } from '@rhei/messaging';
import { annotate, currentTraceparent, type Transaction } from '@rhei/runtime';
import { acceptWithin, type Submission } from './accept-events';
import { show } from './cloud-event';
import { readKafkaEvent, type KafkaEvent } from './kafka-event';
import { keepQuarantined, type Quarantined, type StoodAt } from './quarantine.store';
import { ownerOf, type ContractStore } from './source.store';

interface Deps {
  contracts: ContractStore;
}

/**
 * Takes records of a source's topic in, as HTTP takes events in; what HTTP would refuse goes to quarantine with where it
 * stood, because nobody is there to hear a refusal. Errors: `unavailable` while no source owns the topic.
 */
export async function takeFromTopic({ contracts }: Deps, place: UpstreamPlace, records: UpstreamRecord[], tx: Transaction): Promise<void> {
  const owner = await ownerOf(tx, place.topic);
  // Between a change of the source and the end of the subscription: whoever owns it next reads from here.
  if (owner === undefined) throw unavailable(`No source owns the topic "${place.topic}" any more.`);
  const sender = senderOf(place);
  const read = records.map((record) => ({ ...readKafkaEvent(record), headers: headersOf(record), stood: stoodAt(place, record) }));
  const bad: Quarantined[] = [];
  const submissions: Submission[] = [];
  for (const one of read) {
    const { event, original, headers, stood, traceparent } = one;
    if (event === undefined) bad.push(unfit(one, owner, one.fault!, sender, tx.now));
    else if (event.source !== owner) bad.push(unfit(one, owner, forged(event.source, owner, place.topic), sender, tx.now));
    else submissions.push({ event: { ...event, traceparent: event.traceparent ?? traceparent }, original, sender, headers, stood, traceparent: currentTraceparent() });
  }
  annotate(() => ({ 'rhei.record.id': submissions.map(({ event: { source, id } }) => `${source}/${id}`), 'rhei.records': records.length }));
  const outcomes = submissions.length === 0 ? [] : await acceptWithin(tx, contracts, submissions);
  for (const [index, outcome] of outcomes.entries()) {
    const { event, original, headers, stood } = submissions[index];
    if (outcome.status === 'not_found') bad.push(unfit({ original, headers: headers!, stood: stood!, named: event }, owner, outcome.error, sender, tx.now));
  }
  await keepQuarantined(tx, bad);
}

/** Keeps a record that could not be taken at all, for a reason that is not known to be its fault. */
export async function setRecordAside(place: UpstreamPlace, record: UpstreamRecord, reason: string, tx: Transaction): Promise<void> {
  const { named, original } = readKafkaEvent(record);
  const source = (await ownerOf(tx, place.topic)) ?? '';
  await keepQuarantined(tx, [{
    source, eventId: named.id ?? '', eventType: named.type ?? '', code: 'internal', field: 'record', rule: 'it can be taken', hint: storable(reason.slice(0, 500)),
    sender: senderOf(place), receivedAt: tx.now, original, contentDigest: placeDigest(stoodAt(place, record)), headers: headersOf(record), stood: stoodAt(place, record),
  }]);
}

const unfit = ({ named, original, headers, stood }: Pick<KafkaEvent, 'named' | 'original'> & { headers: Record<string, Buffer>; stood: StoodAt }, source: string, { code, message, details }: RheiError, sender: string, receivedAt: number): Quarantined => ({
  source, eventId: named.id ?? '', eventType: named.type ?? '', code, field: storable(details.field ?? 'event'), rule: storable(details.rule ?? details.expected ?? ''), hint: storable(details.hint ?? message),
  sender, receivedAt, original, contentDigest: placeDigest(stood), headers, stood,
});

const forged = (claimed: string, owner: string, topic: string): RheiError => {
  const hint = `Events of "${claimed}" come by its own topic, or by HTTP from ${`publisher:${claimed}`}.`;
  return forbidden(`The topic "${topic}" belongs to source "${owner}"; the event says ${show(claimed)}. ${hint}`, { field: 'source', rule: 'one topic, one source', expected: owner, got: claimed, hint });
};

const senderOf = ({ topic }: UpstreamPlace): string => `topic:${topic}`;

const stoodAt = ({ topic, partition }: UpstreamPlace, { offset, key }: UpstreamRecord): StoodAt => ({ topic, partition, offset, key: key === null ? null : Buffer.from(key) });
const headersOf = ({ headers }: UpstreamRecord): Record<string, Buffer> => Object.fromEntries(Object.entries(headers).map(([name, bytes]) => [storable(name), Buffer.from(bytes)]));

/** Each place counts by itself: two records that are no events have no content that could be the same. */
const placeDigest = ({ topic, partition, offset }: StoodAt): string => sha256(`${topic}/${partition}/${offset}`);

/** PostgreSQL keeps no NUL and no half of a surrogate pair, in text and in JSON alike. */
const storable = (text: string): string => Buffer.from(text.replaceAll('\0', '�')).toString();
