import { feature } from '@rhei/contracts';
import { day, run } from '@rhei/runtime';
import { eventually, instant, startServices, type RunningServices } from '@rhei/testing';
import { buildChild } from '../../spec/built-child';
import { applyExample, buildTrainingSet, record, shardOfRecord } from '../../spec/flights';
import { FeatureModule } from '../feature.module';

const start = instant('2001-01-01T00:00:00Z');
const asOf = start + 5 * day;

const withAFlight = async (services: RunningServices): Promise<void> => {
  await applyExample(services);
  await services.setTime(asOf);
  const fields = { flight: 'f', origin: 'ABQ', destination: 'SEA' };
  const scheduled = record('s', 'flight.scheduled', 'f', start + day, start + day, { ...fields, distance: 1, departure: '2001-01-02T00:00:00Z' });
  const strange = record('t', 'flight.scheduled', 'f', start + day, start + day, { ...fields, flight: 'g', distance: 'unknown', departure: '2001-01-02T00:00:00Z' });
  const landed = ['f', 'g'].map((flight) => record(`l${flight}`, 'flight.landed', 'f', start + 2 * day, start + 2 * day, { ...fields, flight, delay: 20 }));
  await services.publish('RecordAccepted', shardOfRecord(scheduled), { shard: shardOfRecord(scheduled), watermark: start + 2 * day, records: [scheduled, strange, ...landed] });
  await services.settle();
};
const close = async (services: RunningServices): Promise<void> => {
  for (const shard of [0, 1]) await services.publish('ArrivalsClosed', shard, { shard, watermark: asOf });
};

describe('a build', () => {
  beforeAll(buildChild, 60_000);

  it('that cannot be done fails with the reason, and says so once', async () => {
    const services = await startServices([FeatureModule], { clock: 'replay', at: start, env: { FEATURE_JOIN_DIRECTORY: '/nowhere/to/be/found' } });
    try {
      await withAFlight(services);
      const { id } = await buildTrainingSet(services, asOf);
      await close(services);
      await services.settle();
      const failed = await buildTrainingSet(services, asOf);
      expect(failed).toMatchObject({ id, state: feature.BuildState.FAILED, manifestDigest: '' });
      expect(failed.error).toContain('/nowhere/to/be/found');
      await services.settle();
      expect(services.published('TrainingSetBuilt')).toEqual([{ id, featureSet: 'flight-lateness', asOf, manifestDigest: '', manifestJson: '', error: failed.error }]);
    } finally {
      await services.stop();
    }
  }, 60_000);

  it('that a stopped service left behind is done at the next start', async () => {
    const services = await startServices([FeatureModule], { clock: 'replay', at: start });
    try {
      await withAFlight(services);
      const { id } = await buildTrainingSet(services, asOf);
      // The shards close without anybody being woken, as when the process was killed just then.
      const rows = await services.database('feature').transaction(async (tx) => {
        await tx.query('INSERT INTO watermark (shard, reached) VALUES (0, $1), (1, $1) ON CONFLICT (shard) DO UPDATE SET reached = excluded.reached', [asOf]);
        return tx.query('SELECT state FROM training_set');
      });
      expect(rows).toEqual([{ state: 'building' }]);
      await services.running.stop();

      const again = await run([FeatureModule], { env: services.env });
      try {
        const { database } = again.services.get('feature')!;
        const ended = await eventually('the build to end', async () => (await database.query<{ manifest: unknown }>(`SELECT state, manifest FROM training_set WHERE id = $1 AND state <> 'building'`, [id]))[0]);
        expect(ended).toMatchObject({ state: 'built', manifest: { rows: 1, leftOut: 1, sources: ['airline'] } });
      } finally {
        await again.stop();
      }
    } finally {
      await services.stop();
    }
  }, 60_000);
});
