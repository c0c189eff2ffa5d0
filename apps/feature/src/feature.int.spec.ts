import { DuckDBInstance } from '@duckdb/node-api';
import { feature, type ingestion } from '@rhei/contracts';
import { canonicalJson, formatInstant, sha256 } from '@rhei/expressions';
import { day, hour, minute } from '@rhei/runtime';
import { instant, startServices, type RunningServices } from '@rhei/testing';
import { buildChild } from '../spec/built-child';
import { applyExample, buildTrainingSet, getFeatures, record, shardOfRecord, within } from '../spec/flights';
import { FeatureModule } from './feature.module';
import type { Deps } from './deps';
import type { Manifest } from './training-set/training-set';

const start = instant('2001-01-01T00:00:00Z');
const ttl = 30 * day;
const seed = 21;
const airports = ['ABQ', 'SEA', 'ORD'];

type Flight = { flight: string; origin: string; destination: string; distance: number; departure: string };
interface Case {
  fields: Flight;
  scheduled: ingestion.Record;
  landed: ingestion.Record;
  late: boolean;
  /** When it was predicted; undefined: never. */
  asked?: number;
}

/** Flights over 80 days; some landings are known days later, some before their own schedule. */
const cases = Array.from({ length: 240 }, (_, index): Case => {
  const departure = start + within(seed, 'departure', index, 80 * 24) * hour;
  const origin = airports[within(seed, 'origin', index, 3)];
  const destination = airports[within(seed, 'destination', index, 3)];
  const delay = within(seed, 'delay', index, 60) - 20;
  const fields = { flight: `f${index}`, origin, destination, distance: 100 + within(seed, 'distance', index, 9_000) / 10, departure: formatInstant(departure) };
  const landing = departure + 2 * hour + delay * minute;
  const heard = landing + (index % 9 === 0 ? 3 * day : within(seed, 'heard', index, 180) * minute);
  const scheduledAt = index % 7 === 0 ? heard + hour : departure - hour;
  return {
    fields, late: delay > 15,
    scheduled: record(`s${index}`, 'flight.scheduled', fields.flight, departure, scheduledAt, { ...fields }),
    landed: record(`l${index}`, 'flight.landed', fields.flight, landing, heard, { flight: fields.flight, origin, destination, delay }),
    asked: index % 3 === 0 ? departure - within(seed, 'asked', index, 300) * minute : undefined,
  };
});

/** The late share of the 14 days before the newest landing that was known, by looking at all of them. */
function lateShare(asOf: number, matches: (fields: Flight) => boolean): { value: number | null; eventTime: number } | undefined {
  const known = cases.filter(({ fields, landed }) => matches(fields) && Math.max(landed.eventTime, landed.arrival) <= asOf);
  if (known.length === 0) return undefined;
  const newest = Math.max(...known.map(({ landed }) => landed.eventTime));
  const inside = known.filter(({ landed }) => landed.eventTime > newest - 14 * day);
  return { value: asOf - newest > ttl ? null : inside.filter(({ late }) => late).length / inside.length, eventTime: newest };
}

function expectedFeatures({ origin, destination, distance, departure }: Flight, asOf: number): Record<string, number | null> {
  const time = new Date(departure);
  return {
    hour: time.getUTCHours(), weekday: time.getUTCDay(), distance,
    origin_late: lateShare(asOf, (one) => one.origin === origin)?.value ?? null,
    destination_late: lateShare(asOf, (one) => one.destination === destination)?.value ?? null,
    route_late: lateShare(asOf, (one) => one.origin === origin && one.destination === destination)?.value ?? null,
  };
}

describe('the feature service', () => {
  let services: RunningServices;
  const end = start + 90 * day;

  const publishAll = async (records: ingestion.Record[], watermark: number): Promise<void> => {
    for (const shard of [0, 1]) {
      const own = records.filter((one) => shardOfRecord(one) === shard);
      for (let at = 0; at < own.length; at += 37) await services.publish('RecordAccepted', shard, { shard, watermark, records: own.slice(at, at + 37) });
    }
  };

  beforeAll(async () => {
    buildChild();
    services = await startServices([FeatureModule], { clock: 'replay', at: start });
    await applyExample(services);
    // Not in the order of their arrival: labels come before examples, and late ones first.
    const shuffled = cases.flatMap(({ scheduled, landed }) => [landed, scheduled]).map((one, index) => ({ one, at: within(seed, 'order', index, 1_000_000) })).sort((a, b) => a.at - b.at).map(({ one }) => one);
    await services.setTime(end);
    const broken = [record('odd1', 'flight.landed', 'odd', end - day, end - day, { flight: 'odd', origin: 'ABQ', destination: 'SEA', delay: 'soon' }), record('odd2', 'flight.scheduled', 'odd', end - day, end - day, { flight: 'odd' })];
    await publishAll([...shuffled.slice(0, 100), ...broken, ...shuffled.slice(100)], start);
    const predictions = cases.filter(({ asked }) => asked !== undefined).map(({ fields, asked }, index) => ({
      id: `p${index}`, version: 1, role: 'live', digest: '', example: fields.flight, asOf: asked!, requestJson: '', features: [], outputs: {}, exampleTime: 0, traffic: 1, reason: '', error: '', featureSetVersion: 0,
    }));
    await services.publish('PredictionServed', 0, { deployment: 'departures', model: 'm', featureSet: 'flight-lateness', shard: 0, predictions: [
      ...predictions, { ...predictions[0], id: 'again', asOf: predictions[0].asOf + day }, { ...predictions[1], id: 'shadow', role: 'shadow', asOf: predictions[1].asOf - day },
    ] });
    await services.settle();
  }, 120_000);
  afterAll(() => services?.stop());

  it('says what a set asks for when it is applied', () => {
    expect(services.published('FeatureSetApplied')).toMatchObject([
      { name: 'flight-lateness', version: 1, longestWindow: 14 * day, features: ['hour', 'weekday', 'distance', 'origin_late', 'destination_late', 'route_late'] },
    ]);
  });

  it('gives the vectors that were known at an instant, as the naive scan does', async () => {
    for (const asOf of [start - day, start + 2 * day, start + 30 * day + 1, start + 60 * day, end, end + 25 * day, end + 40 * day]) {
      const rows = cases.slice(0, 40).map(({ fields }) => ({ ...fields }));
      const { vectors, version } = await getFeatures(services, rows, asOf);
      expect(version).toBe(1);
      expect(vectors.map(({ features }) => Object.fromEntries(features.map(({ name, value }) => [name, value ?? null])))).toEqual(cases.slice(0, 40).map(({ fields }) => expectedFeatures(fields, asOf)));
    }
  });

  it('says of each value its event time, age and whether it holds', async () => {
    const { fields } = cases[0];
    const found = lateShare(end, ({ origin }) => origin === fields.origin)!;
    const [{ features, example, exampleTime }] = (await getFeatures(services, [{ ...fields }], 0)).vectors;
    expect(example).toBe('f0');
    expect(exampleTime).toBe(cases[0].scheduled.eventTime);
    expect(features[3]).toEqual({ name: 'origin_late', value: found.value, eventTime: found.eventTime, age: end - found.eventTime, freshness: feature.Freshness.FRESH });
    expect(features[0]).toMatchObject({ name: 'hour', eventTime: 0, age: 0, freshness: feature.Freshness.REQUEST });
    const unseen = (await getFeatures(services, [{ ...fields, origin: 'XXX' }], 0)).vectors[0].features;
    expect(unseen[3]).toEqual({ name: 'origin_late', value: undefined, eventTime: 0, age: 0, freshness: feature.Freshness.MISSING });
  });

  it.each([[ttl - 1, feature.Freshness.FRESH], [ttl, feature.Freshness.FRESH], [ttl + 1, feature.Freshness.EXPIRED]])('at age %p judges the TTL alike', async (age, freshness) => {
    const { fields } = cases[0];
    const newest = lateShare(end, ({ origin }) => origin === fields.origin)!.eventTime;
    const [{ features }] = (await getFeatures(services, [{ ...fields }], newest + age)).vectors;
    expect(features[3]).toMatchObject({ age, freshness });
    expect(features[3].value === undefined).toBe(freshness === feature.Freshness.EXPIRED);
  });

  it('refuses what it cannot answer, with the field', async () => {
    const { fields } = cases[0];
    await expect(getFeatures(services, [fields], 0, 'serving', 'flights')).rejects.toMatchObject({ code: 'not_found' });
    await expect(getFeatures(services, [{ ...fields, distance: 'far' }], 0)).rejects.toMatchObject({ code: 'invalid', details: { field: 'request.distance', expected: 'number', got: '"far"' } });
    await expect(getFeatures(services, [fields], 0, 'gate')).rejects.toMatchObject({ code: 'forbidden' });
    await expect(buildTrainingSet(services, 0, false, 'serving')).rejects.toMatchObject({ code: 'forbidden' });
  });

  it('tells each label once, whichever of example and label came first', () => {
    const told = services.published('ExampleLabelled').flatMap(({ labels }) => labels);
    expect(told.map(({ example }) => example).sort()).toEqual(cases.map(({ fields }) => fields.flight).sort());
    for (const { fields, scheduled, landed, late, asked } of cases) {
      const label = told.find(({ example }) => example === fields.flight)!;
      expect(label).toMatchObject({
        featureSet: 'flight-lateness', revision: 1, value: late ? 1 : 0, exampleTime: scheduled.eventTime, maturesAt: scheduled.eventTime + 2 * day,
        arrival: Math.max(scheduled.arrival, scheduled.eventTime, landed.arrival),
      });
      // Predictions came after the labels here; an event says what was known when it was said.
      expect([scheduled.eventTime, asked]).toContain(label.asOf);
    }
  });

  it('goes on when an expression fails for one record, and counts it', async () => {
    expect((await services.database('feature').query<{ name: string; part: string }>('SELECT name, part FROM evaluation_failure ORDER BY name, part'))).toEqual([
      { name: 'destination-late-14d', part: 'value' }, { name: 'flight-lateness', part: 'label.value' }, { name: 'origin-late-14d', part: 'value' }, { name: 'route-late-14d', part: 'value' },
    ]);
  });

  describe('a training set', () => {
    const asOf = start + 70 * day;
    const expected = cases.filter(({ scheduled, landed }) => Math.max(scheduled.arrival, scheduled.eventTime, landed.arrival, landed.eventTime) <= asOf && scheduled.eventTime + 2 * day <= asOf)
      .map(({ fields, scheduled, asked, late }) => ({ fields, scheduled, late, asOf: asked !== undefined && asked <= asOf ? asked : scheduled.eventTime }))
      .sort((a, b) => a.asOf - b.asOf || (a.fields.flight < b.fields.flight ? -1 : 1));
    const line = ({ fields, late, asOf }: (typeof expected)[number]): string => `${canonicalJson({ example: fields.flight, asOf, label: late ? 1 : 0, features: expectedFeatures(fields, asOf) })}\n`;
    let manifest: Manifest;

    it('waits until every shard is closed, and is built once', async () => {
      const asked = await buildTrainingSet(services, asOf);
      expect(asked).toMatchObject({ state: feature.BuildState.BUILDING, manifestJson: '' });
      await services.settle();
      await services.publish('ArrivalsClosed', 0, { shard: 0, watermark: end });
      await services.settle();
      expect((await buildTrainingSet(services, asOf)).state).toBe(feature.BuildState.BUILDING);
      await services.publish('ArrivalsClosed', 1, { shard: 1, watermark: asOf });
      await services.settle();
      const built = await buildTrainingSet(services, asOf);
      expect(built).toMatchObject({ id: asked.id, state: feature.BuildState.BUILT });
      manifest = JSON.parse(built.manifestJson) as Manifest;
      expect(services.published('TrainingSetBuilt')).toEqual([{ id: asked.id, featureSet: 'flight-lateness', asOf, manifestDigest: built.manifestDigest, manifestJson: built.manifestJson, error: '' }]);
      expect(built.manifestDigest).toBe(sha256(built.manifestJson));
    }, 30_000);

    it('equals the brute-force oracle to the bit', () => {
      expect(expected.length).toBeGreaterThan(120);
      expect(manifest).toMatchObject({
        featureSet: 'flight-lateness', version: 1, asOf, rows: expected.length, from: expected[0].asOf, to: expected.at(-1)!.asOf, requestFields: ['flight', 'origin', 'distance', 'departure', 'destination'], leftOut: 0, corrected: 0, withdrawn: 0,
        positions: [{ shard: 0, reached: end }, { shard: 1, reached: asOf }], arrivalBasis: { observed: 1, declared: 0 }, digests: { rows: sha256(expected.map(line).join('')) },
      });
    });

    it('holds the rows that serving would have got: every one of them, bit by bit', async () => {
      const { blobs } = services.running.services.get('feature')!.deps as Deps;
      const connection = await (await DuckDBInstance.create()).connect();
      const reader = await connection.runAndReadAll(`SELECT * FROM read_parquet('${await blobs.path(manifest.digests.parquet)}')`);
      const rows = reader.getRowObjectsJS();
      connection.closeSync();
      expect(rows).toHaveLength(manifest.rows);
      for (const [index, row] of rows.entries()) {
        const { fields, scheduled } = expected[index];
        const [{ features }] = (await getFeatures(services, [{ ...fields }], Number(row.as_of))).vectors;
        expect(features.map(({ value }) => value ?? null)).toEqual(manifest.features.map((name) => row[`f_${name}`]));
        expect(row).toMatchObject({ example: fields.flight, r_distance: fields.distance });
        expect(Number(row.example_time)).toBe(scheduled.eventTime);
      }
    }, 30_000);

    it('can leave out what came before the windows had filled', async () => {
      await buildTrainingSet(services, asOf, true);
      await services.settle();
      const full = JSON.parse((await buildTrainingSet(services, asOf, true)).manifestJson) as Manifest;
      const known = cases.filter(({ landed }) => Math.max(landed.arrival, landed.eventTime) <= asOf);
      expect(full.filledFrom).toBe(Math.min(...known.map(({ landed }) => landed.eventTime)) + 14 * day);
      expect(full.digests.rows).toBe(sha256(expected.filter((one) => one.asOf >= full.filledFrom).map(line).join('')));
      expect(full.rows).toBeLessThan(manifest.rows);
    }, 30_000);

    it('is explained, counted and part of the story’s digest', async () => {
      const { definition, deps } = services.running.services.get('feature')!;
      expect((await definition.explain!['training-set'](deps, manifest.id))?.lines).toContain(`${manifest.rows} rows, as known from ${formatInstant(manifest.from!)} to ${formatInstant(manifest.to!)}`);
      expect(await definition.counts!(deps)).toMatchObject({ labelled: cases.filter(({ asked }) => asked !== undefined).length, trainingSets: 2 });
      expect(await definition.figures!(deps)).toMatchObject({ evaluationFailures: 4, trainingSetsBuilding: 0 });
      const rows: unknown[] = [];
      for await (const row of definition.digests!.trainingSets(deps)) rows.push(row);
      expect(rows).toHaveLength(2);
      expect(rows).toContainEqual(expect.objectContaining({ asOf, rows: manifest.digests.rows, schema: manifest.digests.schema }));
    });
  });

  describe('a change', () => {
    it('of a view that has data is refused, of its TTL is a new version that counts from then on', async () => {
      await expect(applyExample(services, { 'origin-late-14d': { window: { avg: '7d' } } })).rejects.toMatchObject({ code: 'invalid' });
      const { fields } = cases[0];
      const rows = [{ ...fields }];
      const before = await getFeatures(services, rows, end);
      await services.setTime(end + hour);
      await expect(applyExample(services, { 'origin-late-14d': { ttl: '1us' } })).resolves.toMatchObject({ changes: expect.arrayContaining([expect.objectContaining({ name: 'origin-late-14d', version: 2 })]) as unknown });
      expect(await getFeatures(services, rows, end)).toEqual(before);
      expect((await getFeatures(services, rows, 0)).vectors[0].features[3].freshness).toBe(feature.Freshness.EXPIRED);
    });

    it('of a label is refused while there are examples, of a feature is a new version', async () => {
      await expect(applyExample(services, { 'flight-lateness': { label: { source: 'airline', event: 'flight.landed', example: 'data.flight', value: 'data.delay > 30.0', maturity: '2d' } } })).rejects.toMatchObject({ code: 'invalid' });
      await applyExample(services, { 'origin-late-14d': { ttl: '1us' }, 'flight-lateness': { features: [{ name: 'distance', value: 'request.distance' }] } });
      expect((await getFeatures(services, [{ ...cases[0].fields }], 0)).version).toBe(2);
      await services.settle();
      expect(services.published('FeatureSetApplied').at(-1)).toMatchObject({ version: 2, longestWindow: 0 });
    });
  });
});
