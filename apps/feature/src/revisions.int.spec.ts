import { feature, type ingestion } from '@rhei/contracts';
import { canonicalJson, formatInstant, sha256 } from '@rhei/expressions';
import { call, day, hour, minute } from '@rhei/runtime';
import { instant, startServices, type RunningServices } from '@rhei/testing';
import { buildChild } from '../spec/built-child';
import { applyAll, applyExample, ask, buildTrainingSet, getFeatures, record, shardOfRecord, within } from '../spec/flights';
import { FeatureModule } from './feature.module';
import type { Deps } from './deps';
import type { Manifest } from './training-set/training-set';

const start = instant('2001-01-01T00:00:00Z');
const end = start + 60 * day;
const seed = 33;
const airports = ['ABQ', 'SEA', 'ORD'];

interface Landing { flight: string; origin: string; destination: string; delay: number }
interface Sent { record: ingestion.Record; data: Landing }

const flights = Array.from({ length: 150 }, (_, index) => {
  const departure = start + within(seed, 'departure', index, 50 * 24) * hour;
  const place = (purpose: string): string => airports[within(seed, purpose, index, 3)];
  return { flight: `f${index}`, origin: place('origin'), destination: place('destination'), distance: 100 + index, departure: formatInstant(departure), time: departure };
});
const scheduled = flights.map(({ time, ...fields }) => record(`s-${fields.flight}`, 'flight.scheduled', fields.flight, time, time - hour, { ...fields }));

/** Landings of which every third is corrected (delay, or the airport), and every seventh taken back; some corrections are known before what they correct. */
const landings: Sent[] = flights.flatMap(({ flight, origin, destination, time }, index) => {
  const count = index % 3 === 0 ? 2 + within(seed, 'more', index, 2) : 1;
  return Array.from({ length: count }, (_, at): Sent => {
    const draw = (purpose: string, below: number): number => within(seed, `${purpose} ${at}`, index, below);
    const delay = draw('delay', 60) - 20;
    const data = { flight, origin: at > 0 && draw('moved', 4) === 0 ? airports[draw('origin', 3)] : origin, destination, delay };
    const eventTime = time + 2 * hour + delay * minute;
    const one = record(`l-${flight}-${at}`, 'flight.landed', flight, eventTime, eventTime + draw('heard', 5 * 24 * 60) * minute, { ...data });
    return { data, record: { ...one, identity: flight, revision: at + 1, withdrawn: at > 0 && index % 7 === 0 && at === count - 1 } };
  });
});

const knownAt = ({ record: { arrival, eventTime } }: Sent): number => Math.max(arrival, eventTime);
const ranks = (a: Sent, b: Sent): boolean => a.record.revision > b.record.revision;

/** The landings that count at an instant, by looking at all of them. */
const standing = (asOf: number): Sent[] => landings.filter((one) => knownAt(one) <= asOf && !one.record.withdrawn
  && !landings.some((other) => other.record.identity === one.record.identity && knownAt(other) <= asOf && ranks(other, one)));

function lateShare(asOf: number, matches: (landing: Landing) => boolean): number | null {
  const known = standing(asOf).filter(({ data }) => matches(data));
  const newest = Math.max(...known.map(({ record: { eventTime } }) => eventTime));
  if (known.length === 0 || asOf - newest > 30 * day) return null;
  const inside = known.filter(({ record: { eventTime } }) => eventTime > newest - 14 * day);
  return inside.filter(({ data }) => data.delay > 15).length / inside.length;
}

const vectorOf = ({ origin, destination, distance, departure }: (typeof flights)[number], asOf: number): Record<string, number | null> => ({
  hour: new Date(departure).getUTCHours(), weekday: new Date(departure).getUTCDay(), distance,
  origin_late: lateShare(asOf, (one) => one.origin === origin), destination_late: lateShare(asOf, (one) => one.destination === destination),
  route_late: lateShare(asOf, (one) => one.origin === origin && one.destination === destination),
});

const fieldsOf = ({ time: _time, ...fields }: (typeof flights)[number]): Record<string, unknown> => fields;
const namedValues = ({ features }: feature.FeatureVector): Record<string, number | null> => Object.fromEntries(features.map(({ name, value }) => [name, value ?? null]));

describe('records that are corrected, moved and taken back', () => {
  let services: RunningServices;
  const publish = async (records: ingestion.Record[]): Promise<void> => {
    for (const shard of [0, 1]) {
      const own = records.filter((one) => shardOfRecord(one) === shard);
      for (let at = 0; at < own.length; at += 23) await services.publish('RecordAccepted', shard, { shard, watermark: start, records: own.slice(at, at + 23) });
    }
  };

  beforeAll(async () => {
    buildChild();
    services = await startServices([FeatureModule], { clock: 'replay', at: start });
    await applyExample(services);
    await applyAll(services, [
      { kind: 'FeatureView', name: 'delay-range', spec: { entity: 'airport', source: 'airline', event: 'flight.landed', key: 'data.origin', value: 'data.delay', window: { max: '14d' } } },
      { kind: 'FeatureView', name: 'destinations', spec: { entity: 'airport', source: 'airline', event: 'flight.landed', key: 'data.origin', value: 'data.destination', window: { distinct: 'ever' } } },
      { kind: 'FeatureView', name: 'late-per-landing', spec: { entity: 'airport', source: 'airline', event: 'flight.landed', key: 'data.origin', value: 'data.delay > 15.0', per: '1.0', window: { ratio: '7d', hop: '1d' } } },
    ]);
    await services.setTime(end);
    const all = [...scheduled, ...landings.map((one) => one.record)].map((one, index) => ({ one, at: within(seed, 'order', index, 1_000_000) })).sort((a, b) => a.at - b.at).map(({ one }) => one);
    await publish(all);
    await services.settle();
  }, 120_000);
  afterAll(() => services?.stop());

  it('give at every instant the vectors of the naive scan', async () => {
    for (const asOf of [start + 3 * day, start + 20 * day + hour, start + 40 * day, end]) {
      const asked = flights.slice(0, 30);
      const { vectors } = await getFeatures(services, asked.map(fieldsOf), asOf);
      expect(vectors.map(namedValues)).toEqual(asked.map((flight) => vectorOf(flight, asOf)));
    }
  });

  it('leave what served before a correction as it was', async () => {
    const asOf = end - 2 * day;
    const rows = flights.slice(0, 20).map(fieldsOf);
    const before = await getFeatures(services, rows, asOf);
    const newest = Math.max(...standing(end).map(({ record: { eventTime } }) => eventTime));
    await services.setTime(end + hour);
    // Of a flight of its own, so that the other tests' oracle does not see it.
    const late = (id: string, revision: number, arrival: number, withdrawn: boolean): ingestion.Record =>
      ({ ...record(id, 'flight.landed', 'own', newest - day, arrival, { flight: 'own', origin: 'ABQ', destination: 'SEA', delay: 50 }), identity: 'own', revision, withdrawn });
    await publish([late('own-1', 1, end + 1, false), late('own-2', 2, end + 2, true)]);
    await services.settle();
    expect(await getFeatures(services, rows, asOf)).toEqual(before);
    const [abq] = (await ask(services, 'dev', (client) => call(client, 'getEntity', { entity: 'ABQ', view: 'origin-late-14d', featureSet: '', asOf: end + 2 }, { deadline: 2_000 }))).values;
    expect(abq).toMatchObject({ knownSince: end + 2, value: lateShare(end, ({ origin }) => origin === 'ABQ'), freshness: feature.Freshness.FRESH, ttl: 30 * day });
  });

  it('tell the label of a landing by its newest revision, and that one was taken back', () => {
    const told = services.published('ExampleLabelled').flatMap(({ labels }) => labels);
    for (const { flight } of flights) {
      const own = told.filter(({ example }) => example === flight);
      // What was taken back before it was taken in was never told.
      const last = own.at(-1) ?? { withdrawn: true, value: NaN };
      const truth = standing(end).find(({ record: { identity } }) => identity === flight);
      expect({ flight, withdrawn: last.withdrawn }).toEqual({ flight, withdrawn: truth === undefined });
      if (truth !== undefined) expect(last.value).toBe(truth.data.delay > 15 ? 1 : 0);
      expect(own.map(({ revision }) => revision)).toEqual(own.map((_, index) => index + 1));
    }
  });

  it('make the training set that the brute-force oracle makes', async () => {
    const asOf = start + 45 * day;
    await buildTrainingSet(services, asOf);
    for (const shard of [0, 1]) await services.publish('ArrivalsClosed', shard, { shard, watermark: asOf });
    await services.settle();
    const manifest = JSON.parse((await buildTrainingSet(services, asOf)).manifestJson) as Manifest;
    const mature = flights.filter(({ time }) => time + 2 * day <= asOf);
    const truths = new Map(standing(asOf).map((one) => [one.record.identity, one]));
    const rows = mature.filter(({ flight }) => truths.has(flight)).sort((a, b) => a.time - b.time || (a.flight < b.flight ? -1 : 1));
    const lines = rows.map((one) => `${canonicalJson({ example: one.flight, asOf: one.time, label: truths.get(one.flight)!.data.delay > 15 ? 1 : 0, features: vectorOf(one, one.time) })}\n`);
    expect(manifest).toMatchObject({ rows: rows.length, digests: { rows: sha256(lines.join('')) } });
    // A revision that was known after what ranks above it never counted.
    const counted = (one: Sent): boolean => !one.record.withdrawn && standing(knownAt(one)).includes(one);
    const replaced = ({ flight }: { flight: string }): boolean => landings.some((one) => one.record.identity === flight && knownAt(one) <= asOf && counted(one) && truths.get(flight) !== one);
    expect(manifest.corrected).toBe(rows.filter(replaced).length);
    expect(manifest.withdrawn).toBe(flights.filter((one) => !truths.has(one.flight) && replaced(one)).length);
    expect([manifest.corrected, manifest.withdrawn].every((count) => count > 3)).toBe(true);
    const { definition, deps } = services.running.services.get('feature')!;
    expect((await definition.explain!['training-set'](deps, manifest.id))?.lines).toContain(`${manifest.corrected} rows stand in the place of an earlier revision; of ${manifest.withdrawn} examples the truth was taken back`);
  }, 30_000);

  describe('are shown', () => {
    const getEntity = (request: Partial<feature.GetEntityRequest>, who = 'dev') => ask(services, who, (client) => call(client, 'getEntity', { entity: 'ABQ', view: '', featureSet: '', asOf: end, ...request }, { deadline: 2_000 }));
    const getExplanation = (request: Partial<feature.GetExplanationRequest>) => ask(services, 'dev', (client) => call(client, 'getExplanation', { view: 'origin-late-14d', entity: 'ABQ', asOf: end, limit: 0, ...request }, { deadline: 2_000 }));
    const ofAbq = (): Sent[] => standing(end).filter(({ data: { origin } }) => origin === 'ABQ');

    it('in a list of views and sets', async () => {
      const { views, sets } = await ask(services, 'aud', (client) => call(client, 'listFeatures', {}, { deadline: 2_000 }));
      expect(views.map(({ name, window, entities }) => [name, window, entities])).toEqual([
        ['delay-range', { aggregate: 'max', length: 14 * day, hop: 0 }, 3], ['destination-late-14d', { aggregate: 'avg', length: 14 * day, hop: 0 }, 3], ['destinations', { aggregate: 'distinct', length: 0, hop: 0 }, 3],
        ['late-per-landing', { aggregate: 'ratio', length: 7 * day, hop: day }, 3], ['origin-late-14d', { aggregate: 'avg', length: 14 * day, hop: 0 }, 3], ['route-late-14d', { aggregate: 'avg', length: 14 * day, hop: 0 }, 9],
      ]);
      expect(sets).toMatchObject([{ name: 'flight-lateness', features: [{ name: 'hour', view: '' }, { name: 'weekday' }, { name: 'distance' }, { name: 'origin_late', view: 'origin-late-14d' }, {}, {}] }]);
    });

    it('as the values of an entity in every view that has seen it', async () => {
      const known = ofAbq();
      const newest = Math.max(...known.map(({ record: { eventTime } }) => eventTime));
      const { values } = await getEntity({});
      expect(values.map(({ view }) => view)).toEqual(['delay-range', 'destination-late-14d', 'destinations', 'late-per-landing', 'origin-late-14d']);
      const inside = known.filter(({ record: { eventTime } }) => eventTime > newest - 14 * day);
      expect(values[0]).toMatchObject({ value: Math.max(...inside.map(({ data }) => data.delay)), eventTime: newest, age: end - newest, records: inside.length, ttl: 0 });
      expect(values[2]).toMatchObject({ value: new Set(known.map(({ data }) => data.destination)).size, records: known.length });
      const opens = Math.ceil(newest / day) * day - 7 * day;
      const week = known.filter(({ record: { eventTime } }) => eventTime > opens);
      expect(values[3].value).toBe(week.filter(({ data }) => data.delay > 15).length / week.length);
      expect((await getEntity({ featureSet: 'flight-lateness' })).values.map(({ view, features, freshness }) => [view, features, freshness])).toEqual([
        ['origin-late-14d', ['origin_late'], feature.Freshness.FRESH], ['destination-late-14d', ['destination_late'], feature.Freshness.FRESH], ['route-late-14d', ['route_late'], feature.Freshness.MISSING],
      ]);
    });

    it('as the records that made a value, superseded ones with what took their place', async () => {
      const newest = Math.max(...ofAbq().map(({ record: { eventTime } }) => eventTime));
      const inside = landings.filter(({ record: { eventTime, withdrawn }, data }) => data.origin === 'ABQ' && !withdrawn && eventTime > newest - 14 * day && eventTime <= end);
      const known = inside.filter((one) => knownAt(one) <= end);
      const counting = known.filter((one) => standing(end).includes(one));
      const found = await getExplanation({ limit: 1_000 });
      expect(found).toMatchObject({ opens: newest - 14 * day, counting: counting.length, superseded: known.length - counting.length, value: { value: lateShare(end, ({ origin }) => origin === 'ABQ'), records: counting.length } });
      expect(found.records.map(({ id }) => id).sort()).toEqual(known.map(({ record: { id } }) => id).sort());
      expect(found.records.reduce((sum, { part = 0 }) => sum + part, 0)).toBeCloseTo(found.value!.value!, 12);
      for (const { id, standing: how, supersededBy, supersededAt } of found.records) {
        const one = known.find((sent) => sent.record.id === id)!;
        if (counting.includes(one)) {
          expect([how, supersededBy, supersededAt]).toEqual([feature.RecordStanding.COUNTS, '', 0]);
        } else {
          const highest = landings.filter((other) => other.record.identity === one.record.identity && knownAt(other) <= end).reduce((top, other) => (ranks(other, top) ? other : top));
          expect([how, supersededBy]).toEqual([highest.record.withdrawn ? feature.RecordStanding.WITHDRAWN : feature.RecordStanding.SUPERSEDED, highest.record.id]);
          expect(supersededAt).toBe(Math.min(...landings.filter((other) => other.record.identity === one.record.identity && ranks(other, one)).map(knownAt)));
        }
      }
      const few = await getExplanation({ limit: 2 });
      expect(few.records).toEqual(found.records.slice(0, 2));
      expect(few.counting).toBe(found.counting);
      const most = await getExplanation({ view: 'delay-range', limit: 1_000 });
      expect(most.records.flatMap(({ part }) => (part === undefined ? [] : [part]))).toContain(most.value!.value);
      const texts = await getExplanation({ view: 'destinations', limit: 1 });
      expect(texts).toMatchObject({ opens: 0, records: [{ text: expect.stringMatching(/^(ABQ|SEA|ORD)$/) as string, number: undefined, part: undefined }] });
    });

    it('and bad questions are answered with the field, what was expected and what came', async () => {
      await expect(getEntity({ view: 'origin' })).rejects.toMatchObject({ code: 'not_found', details: { field: 'view', got: 'origin', expected: expect.stringContaining('origin-late-14d') as string } });
      await expect(getEntity({ featureSet: 'none' })).rejects.toMatchObject({ code: 'not_found' });
      await expect(getEntity({ entity: 'XXX' })).rejects.toMatchObject({ code: 'not_found', details: { field: 'entity', got: 'XXX' } });
      await expect(getEntity({ entity: '' })).rejects.toMatchObject({ code: 'invalid', details: { field: 'entity' } });
      await expect(getEntity({ view: 'origin-late-14d', featureSet: 'flight-lateness' })).rejects.toMatchObject({ code: 'invalid', details: { field: 'feature_set' } });
      await expect(getEntity({}, 'gate')).rejects.toMatchObject({ code: 'forbidden' });
      await expect(getExplanation({ view: 'origin' })).rejects.toMatchObject({ code: 'not_found', details: { field: 'view' } });
      await expect(getExplanation({ entity: 'XXX' })).rejects.toMatchObject({ code: 'not_found', details: { field: 'entity' } });
      await expect(getExplanation({ limit: 1_001 })).rejects.toMatchObject({ code: 'invalid', details: { field: 'limit', expected: '0 to 1000', got: '1001' } });
    });
  });

  describe('do not change what was served', () => {
    const asOf = start + 30 * day;
    const prediction = (id: string, role: string, features: feature.FeatureValue[], flight = flights[0]) => ({
      id, version: 1, role, digest: '', example: '', asOf, requestJson: JSON.stringify(fieldsOf(flight)), features, outputs: {}, exampleTime: 0, traffic: 1, reason: '', error: '', featureSetVersion: 0,
    });

    it('which is computed again, counted, and kept where it differs', async () => {
      const { version, vectors: [{ features }] } = await getFeatures(services, [fieldsOf(flights[0])], asOf);
      const other = features.map((one) => (one.name === 'origin_late' ? { ...one, value: 0.125 } : one));
      const nothing = features.map((one) => (one.name === 'route_late' ? { ...one, value: undefined } : one));
      await services.publish('PredictionServed', 0, { deployment: 'd', model: 'm', featureSet: 'flight-lateness', shard: 0, predictions: [
        { ...prediction('same', 'live', features), featureSetVersion: version }, prediction('other', 'live', other), { ...prediction('by another version', 'live', other), featureSetVersion: version + 1 }, prediction('tried', 'canary', nothing), prediction('beside', 'shadow', other), prediction('declared', 'fallback', []),
        prediction('brought', 'live', features.slice(1)), { ...prediction('raw', 'live', features), requestJson: '{"features":{}}' },
      ] });
      await services.settle();
      const { definition, deps } = services.running.services.get('feature')!;
      const differing = vectorOf(flights[0], asOf).route_late === null ? 1 : 2;
      expect(await definition.figures!(deps)).toMatchObject({ servedChecked: 3, servedDiffering: differing });
      const served = vectorOf(flights[0], asOf).origin_late;
      expect((await definition.explain!.served(deps, 'other'))?.lines).toEqual([`origin_late: served 0.125, recomputed ${served === null ? 'nothing' : served}`]);
      expect(await definition.explain!.served(deps, 'same')).toBeUndefined();
      const metrics = await (await fetch(`${services.http}/metrics`, { headers: { authorization: `Bearer ${services.token('admin')}` } })).text();
      expect(metrics).toContain('rhei_feature_served_checked_total{service="feature",feature_set="flight-lateness"} 3');
      expect(metrics).toContain(`rhei_feature_served_differing_total{service="feature",feature_set="flight-lateness"} ${differing}`);
    });

    it('of which no more than a bounded number is kept', async () => {
      const database = (services.running.services.get('feature')!.deps as Deps).database;
      const { vectors: [{ features }] } = await getFeatures(services, [fieldsOf(flights[0])], asOf);
      const other = features.map((one) => (one.name === 'distance' ? { ...one, value: -1 } : one));
      await services.publish('PredictionServed', 1, { deployment: 'd', model: 'm', featureSet: 'flight-lateness', shard: 1, predictions: Array.from({ length: 1_100 }, (_, index) => prediction(`many${index}`, 'live', other)) });
      await services.settle();
      expect(await database.query('SELECT count(*)::integer AS kept FROM served_difference')).toEqual([{ kept: 1_000 }]);
    });
  });
});
