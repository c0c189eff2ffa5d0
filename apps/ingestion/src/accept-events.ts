import { conflict, ingestion, notFound, rejected, type RheiError } from '@rhei/contracts';
import { formatInstant } from '@rhei/expressions';
import { shardOf } from '@rhei/messaging';
import type { Database, Instant, Transaction, WorkContext } from '@rhei/runtime';
import type { CloudEvent } from './cloud-event';
import { judge, type Breach, type Contract, type Sound } from './contract';
import { keepQuarantined, type Quarantined, type StoodAt } from './quarantine.store';
import { insertRecords, knownFacts, knownRecords, saveSupersedes, type KnownRecord, type StoredRecord } from './record.store';
import { succeed, succeedAnew } from './revisions';
import { candidates, identity, settleDeliveries, type Delivery } from './settle-deliveries';
import { lockShards, saveWatermarks } from './shard.store';
import type { ContractStore } from './source.store';
import { arrive } from './watermark';

export interface Submission {
  event: CloudEvent;
  /** The bytes that were sent. */
  original: Buffer;
  /** The principal's name. */
  sender: string;
  /** Trace in which it is taken in: that of the request, or of the batch of a topic. */
  traceparent: string;
  /** The work that waits for it. */
  cause?: WorkContext;
  /** What came beside the bytes, and where it stood in a topic, when it came from one. */
  headers?: Record<string, Buffer>;
  stood?: StoodAt;
  /** The principal who took it out of the quarantine. */
  mendedBy?: string;
}
/** No contract knows its source or type. */
type Unknown = { status: 'not_found'; error: RheiError };
/** For a record, new or known: where it stands. */
export type Outcome =
  | { status: 'accepted' | 'duplicate'; shard: number; arrival: Instant }
  | { status: 'conflict' | 'rejected'; error: RheiError }
  | Unknown;

interface Deps {
  database: Database;
  contracts: ContractStore;
}
interface Judged extends Delivery {
  source: string;
  id: string;
  submission: Submission;
  verdict: Sound | Breach;
}

/** Takes in what may come from many requests, in one transaction: records, their events, and what goes to quarantine. Answers in order. */
export const acceptEvents = ({ database, contracts }: Deps, submissions: Submission[]): Promise<Outcome[]> =>
  database.transaction((tx) => acceptWithin(tx, contracts, submissions));

/** As {@link acceptEvents}, in a transaction that does more than that. */
export async function acceptWithin(tx: Transaction, contracts: ContractStore, submissions: Submission[]): Promise<Outcome[]> {
  const settled = await settle(tx, contracts, submissions);
  await keepQuarantined(tx, settled.flatMap((one) => quarantinedOf(one, tx.now)));
  return settled.map(({ outcome }) => outcome);
}

/** As {@link acceptWithin}, of what is kept in quarantine: what may not leave it adds nothing there. */
export const mendWithin = async (tx: Transaction, contracts: ContractStore, submissions: Submission[]): Promise<Outcome[]> =>
  (await settle(tx, contracts, submissions)).map(({ outcome }) => outcome);

/** What would become of each if it were taken in now. Nothing is written. */
export async function foresee(tx: Transaction, contracts: ContractStore, submissions: Submission[]): Promise<({ status: 'accepted' | 'duplicate' } | Extract<Outcome, { error: RheiError }>)[]> {
  const { judged, deliveries } = await judgeAll(tx, contracts, submissions);
  const known = new Map((await knownRecords(tx, deliveries)).map((record) => [identity(record), record]));
  const verdicts = new Map(settleDeliveries(deliveries, digestsOf(known)).map((verdict, index) => [deliveries[index], verdict]));
  return judged.map((one) => {
    if (!('verdict' in one)) return one;
    const verdict = verdicts.get(one)!;
    // Another content of its id would find it known.
    if (verdict === 'accepted') known.set(one.name, { ...one, shard: 0, arrival: tx.now });
    if (verdict === 'accepted' || verdict === 'duplicate') return { status: verdict };
    return outcomeOf(one, verdict, known) as Extract<Outcome, { error: RheiError }>;
  });
}

interface Settled {
  submission: Submission;
  outcome: Outcome;
}

async function settle(tx: Transaction, contracts: ContractStore, submissions: Submission[]): Promise<Settled[]> {
  const { judged, deliveries } = await judgeAll(tx, contracts, submissions);
  const records = await storeRecords(tx, candidates(deliveries));
  const added = new Set(records.map(({ name }) => name));
  const rest = new Map(deliveries.filter(({ name }) => !added.has(name)).map((delivery) => [delivery.name, delivery]));
  // Read after the insert: it waited for the commits that it met, so what they added is seen now.
  const known = new Map((await knownRecords(tx, [...rest.values()])).map((record) => [identity(record), record]));
  const verdicts = settleDeliveries(deliveries, digestsOf(known));
  for (const record of records) known.set(record.name, record);
  const outcomes = new Map(deliveries.map((delivery, index) => [delivery, outcomeOf(delivery, verdicts[index], known)]));
  return judged.map((one, index) => ({ submission: submissions[index], outcome: 'verdict' in one ? outcomes.get(one)! : one }));
}

const digestsOf = (known: ReadonlyMap<string, KnownRecord>): Map<string, string> => new Map([...known].map(([key, { digest }]) => [key, digest]));

async function judgeAll(tx: Transaction, contracts: ContractStore, submissions: Submission[]): Promise<{ judged: (Judged | Unknown)[]; deliveries: Judged[] }> {
  const inForce = await contracts.load(tx, [...new Set(submissions.map(({ event }) => event.source))]);
  const judged = submissions.map((submission) => judgeSubmission(inForce, submission, tx.now));
  return { judged, deliveries: judged.filter((one) => 'verdict' in one) };
}

function judgeSubmission(contracts: Map<string, Contract>, submission: Submission, now: Instant): Judged | Unknown {
  const { event } = submission;
  const contract = contracts.get(event.source);
  if (contract === undefined) {
    return { status: 'not_found', error: notFound(`There is no source "${event.source}". Apply a Source of this name, or correct the attribute "source".`, { field: 'source', expected: 'an applied Source', got: event.source }) };
  }
  if (!contract.types.has(event.type)) {
    const expected = [...contract.types.keys()].sort().join(', ');
    return { status: 'not_found', error: notFound(`Source "${event.source}" has no event type "${event.type}"; its contract knows ${expected}.`, { field: 'type', expected, got: event.type }) };
  }
  const verdict = judge(contract, event, now);
  return { name: identity(event), source: event.source, id: event.id, digest: event.digest, broken: 'rule' in verdict, submission, verdict };
}

type NamedRecord = StoredRecord & Pick<Delivery, 'name'>;

/** Inserts what is new, stamps its arrival, and says so: one event per shard. Returns the new records. */
async function storeRecords(tx: Transaction, sound: Judged[]): Promise<NamedRecord[]> {
  if (sound.length === 0) return [];
  const shardOfEach = sound.map(({ verdict }) => shardOf('ingestion.records', (verdict as Sound).key));
  // Before the insert, so that nobody else stamps an arrival in these shards until this one is committed.
  const locked = await lockShards(tx, [...new Set(shardOfEach)]);
  const shards = new Map(locked.map(({ shard, watermark }) => [shard, arrive(watermark, tx.now)]));
  const wanted = sound.map((one, index): NamedRecord => {
    const { event, traceparent, mendedBy = '' } = one.submission;
    const { key, eventTime, identity: fact, revision, withdrawn } = one.verdict as Sound;
    const shard = shardOfEach[index];
    return {
      name: one.name, source: event.source, id: event.id, type: event.type, shard, arrival: shards.get(shard)!.arrival, key, eventTime, identity: fact, revision, withdrawn, supersedes: '', mendedBy,
      subject: event.subject ?? '', dataJson: event.dataJson, digest: event.digest, traceparent, origin: event.traceparent ?? traceparent,
    };
  });
  // Facts are almost always of one key, so the locks of the shards keep others from adding to them meanwhile.
  const facts = await knownFacts(tx, wanted.filter(({ identity: fact }) => fact !== ''));
  succeed(wanted, facts);
  const inserted = await insertRecords(tx, wanted);
  const added = inserted.length === wanted.length ? undefined : new Set(inserted.map(identity));
  const records = added === undefined ? wanted : wanted.filter(({ name }) => added.has(name));
  if (records.length < wanted.length) await saveSupersedes(tx, succeedAnew(records, facts));
  const said = [...shards].filter(([shard]) => records.some((record) => record.shard === shard)).map(([shard, { watermark }]) => ({ shard, watermark }));
  for (const { shard, watermark } of said) {
    for (const part of parts(records.filter((record) => record.shard === shard))) {
      await tx.emit('RecordAccepted', shard, { shard, watermark, records: part.map(message) });
    }
  }
  await saveWatermarks(tx, said);
  return records;
}

/** A log has a limit for one message; events that a commit gathered may have more together. */
const partBytes = 512 * 1024;
function parts(records: StoredRecord[]): StoredRecord[][] {
  const result: StoredRecord[][] = [];
  let room = 0;
  for (const record of records) {
    if (result.length === 0 || record.dataJson.length > room) {
      result.push([]);
      room = partBytes;
    }
    result[result.length - 1].push(record);
    room -= record.dataJson.length + record.identity.length + 256;
  }
  return result;
}

const message = (record: StoredRecord): ingestion.Record => ({
  source: record.source, id: record.id, type: record.type, key: record.key, eventTime: record.eventTime, arrival: record.arrival,
  arrivalBasis: ingestion.ArrivalBasis.OBSERVED, recordedAt: record.arrival,
  subject: record.subject, dataJson: record.dataJson, contentDigest: record.digest,
  revision: record.revision, supersedes: record.supersedes, identity: record.identity, withdrawn: record.withdrawn, mendedBy: record.mendedBy, traceparent: record.origin,
});

function outcomeOf(delivery: Judged, verdict: ReturnType<typeof settleDeliveries>[number], known: Map<string, KnownRecord>): Outcome {
  if (verdict === 'rejected') {
    const { message, field, rule, expected, got, hint } = delivery.verdict as Breach;
    return { status: verdict, error: rejected(message, { field, rule, expected, got, hint }) };
  }
  const { shard, arrival, digest } = known.get(delivery.name)!;
  if (verdict !== 'conflict') return { status: verdict, shard, arrival };
  return {
    status: verdict,
    error: conflict(`Event "${delivery.id}" of source "${delivery.source}" is known with other content since ${formatInstant(arrival)}. Send a changed event under a new id.`, {
      field: 'id', rule: 'one id, one content', expected: `content ${digest}`, got: `content ${delivery.digest}`, hint: 'Send a changed event under a new id.',
    }),
  };
}

function quarantinedOf({ submission: { event, original, sender, headers, stood }, outcome }: Settled, receivedAt: Instant): Quarantined[] {
  if (outcome.status !== 'rejected' && outcome.status !== 'conflict') return [];
  const { field = '', rule = '', hint = '' } = outcome.error.details;
  return [{
    source: event.source, eventId: event.id, eventType: event.type, code: outcome.status, field, rule, hint, sender, receivedAt, original, contentDigest: event.digest,
    ...(headers && { headers }), ...(stood && { stood }),
  }];
}
