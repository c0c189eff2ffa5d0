import { formatInstant, parseDuration } from '@rhei/expressions';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { newFolder, PlatformProcess, removeFolder, root, smallStory, type StoryReport } from '../spec/platform-process';
import { canonical, digestOfRows, sha256, StoppedPlatform } from '../spec/stopped-platform';

interface LedgerRow {
  id: string;
  example: string;
  as_of: string;
  digest: string;
  features: { name: string; value?: number }[];
  outputs: Record<string, number>;
}
interface Manifest {
  rows: number;
  asOf: number;
  filledFrom: number;
  features: string[];
  digests: { rows: string; schema: string; parquet: string };
}
interface BuiltSet {
  id: string;
  feature_set: string;
  version: string;
  as_of: string;
  require_full_windows: boolean;
  manifest: Manifest;
  manifest_digest: string;
}

const expectationUnmet = 6;
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

describe('what a story leaves in the databases', () => {
  let folder: string;
  let report: StoryReport;
  let platform: StoppedPlatform;

  beforeAll(async () => {
    folder = newFolder();
    const story = PlatformProcess.start(folder, ['--once', '--story', smallStory]);
    const { code, output } = await story.ended;
    // Whether the story comes out as it should is the other stories' matter.
    if (code !== 0 && code !== expectationUnmet) throw new Error(`exit ${code}\n${output.slice(-4000)}`);
    report = story.report();
    platform = await StoppedPlatform.open(folder);
  }, 300_000);
  afterAll(async () => {
    await platform?.stop();
    removeFolder(folder);
  }, 60_000);

  const ledger = (): Promise<LedgerRow[]> => platform.query<LedgerRow>('serving', `SELECT * FROM prediction WHERE role IN ('live', 'canary', 'fallback') ORDER BY id COLLATE "C"`);
  const builtSets = (): Promise<BuiltSet[]> => platform.query<BuiltSet>('feature', `SELECT * FROM training_set WHERE state = 'built' ORDER BY as_of, id COLLATE "C"`);

  it('has served every joined example the very features that trained on it', async () => {
    const served = await ledger();
    let joined = 0;
    for (const { manifest } of await builtSets()) {
      const rows = new Map((await platform.parquet(manifest.digests.parquet)).map((row) => [row.example as string, row]));
      expect(rows.size).toBe(manifest.rows);
      const differing = served.flatMap((answer) => {
        const row = rows.get(answer.example);
        if (row === undefined) return [];
        joined += 1;
        const [was, trained] = [manifest.features.map((name) => answer.features.find((one) => one.name === name)?.value ?? null), manifest.features.map((name) => row[`f_${name}`])];
        const same = answer.features.length === manifest.features.length && Number(row.as_of) === Number(answer.as_of) && was.every((value, index) => Object.is(value, trained[index]));
        return same ? [] : [{ id: answer.id, asOf: [answer.as_of, String(row.as_of)], was, trained }];
      });
      expect(differing).toEqual([]);
    }
    // The second version has learnt from what the first was asked.
    expect(joined).toBeGreaterThan(0);
  });

  it('has put every answered example into the sets that knew its label', async () => {
    const maturity = await maturityOf();
    let expectedRows = 0;
    for (const { manifest } of await builtSets()) {
      const known = await platform.query<{ id: string }>('feature', `
        SELECT id FROM example WHERE known_at <= ${manifest.asOf} AND event_time + ${maturity} <= ${manifest.asOf}
          AND EXISTS (SELECT FROM label WHERE label.feature_set = example.feature_set AND label.example = example.id AND label.known_at <= ${manifest.asOf})`);
      const ids = new Set(known.map(({ id }) => id));
      const expected = (await ledger()).filter(({ example, as_of }) => ids.has(example) && Number(as_of) >= manifest.filledFrom).map(({ example }) => example);
      const rows = new Set((await platform.parquet(manifest.digests.parquet)).map(({ example }) => example as string));
      expect(expected.filter((example) => !rows.has(example))).toEqual([]);
      expectedRows += expected.length;
    }
    expect(expectedRows).toBeGreaterThan(0);
  });

  async function maturityOf(): Promise<number> {
    const [{ spec }] = await platform.query<{ spec: string }>('feature', `SELECT spec FROM resource WHERE kind = 'FeatureSet' ORDER BY version DESC LIMIT 1`);
    return parseDuration((JSON.parse(spec) as { label: { maturity: string } }).label.maturity);
  }

  it('holds as many rows as the report says', async () => {
    const count = async (service: 'ingestion' | 'serving', what: string): Promise<number> => Number((await platform.query<{ count: string }>(service, `SELECT count(${what}`))[0].count);
    const [{ time: now }] = await platform.query<{ time: string }>('feature', 'SELECT time FROM clock');
    const labels = await platform.query<{ id: string }>('feature', `
      SELECT DISTINCT example.id FROM example JOIN label ON label.feature_set = example.feature_set AND label.example = example.id
      WHERE label.known_at <= ${now} AND example.event_time + ${await maturityOf()} <= ${now}`);
    const labelled = new Set(labels.map(({ id }) => id));
    const { sent, accepted, duplicates, quarantined } = report.counts;
    expect({ accepted, quarantined, predictions: report.counts.predictions, labelled: report.counts.labelled }).toEqual({
      accepted: await count('ingestion', 'DISTINCT (source, id)) FROM record'),
      quarantined: await count('ingestion', 'DISTINCT content_digest) FROM quarantine'),
      predictions: await count('serving', `*) FROM prediction WHERE role IN ('live', 'canary', 'fallback')`),
      labelled: (await ledger()).filter(({ example }) => labelled.has(example)).length,
    });
    expect(sent).toBe(accepted + duplicates + quarantined);
  });

  it('gives the digests of the report again', async () => {
    const records = await platform.query<Record<string, string>>('ingestion', 'SELECT source, id, type, event_time, arrival, arrival_basis, content_digest FROM record');
    records.sort((a, b) => compare(a.source, b.source) || compare(a.id, b.id));
    const models = await platform.query<{ digest: string }>('training', `SELECT artifact_digest AS digest FROM run WHERE state = 'succeeded' ORDER BY as_of, id COLLATE "C"`);
    for (const { digest } of models) await platform.blob(digest);
    const { decisions } = await platform.audit();
    const decided = decisions.map(({ service, asOf, subject, action, inputsDigest, outcomeJson }) => ({ service, asOf, subject, action, inputs: inputsDigest, outcome: JSON.parse(outcomeJson) as unknown }));
    decided.sort((a, b) => a.asOf - b.asOf || compare(a.service, b.service) || compare(a.subject, b.subject) || compare(a.action, b.action) || compare(canonical(a), canonical(b)));
    const sets = await Promise.all((await builtSets()).map(async ({ id, feature_set: featureSet, version, as_of: asOf, require_full_windows: requireFullWindows, manifest, manifest_digest: manifestDigest }) => {
      expect(sha256(canonical(manifest))).toBe(manifestDigest);
      const rows = (await platform.parquet(manifest.digests.parquet)).map((row) => ({
        example: row.example, asOf: Number(row.as_of), label: row.label, features: Object.fromEntries(manifest.features.map((name) => [name, row[`f_${name}`]])),
      }));
      return { id, featureSet, version: Number(version), asOf: Number(asOf), requireFullWindows, rows: digestOfRows(rows), schema: manifest.digests.schema };
    }));
    expect({
      accepted: digestOfRows(records.map((row) => ({
        source: row.source, id: row.id, type: row.type, eventTime: formatInstant(Number(row.event_time)), arrival: formatInstant(Number(row.arrival)),
        arrivalBasis: row.arrival_basis, contentDigest: row.content_digest,
      }))),
      predictions: digestOfRows((await ledger()).map(({ id, as_of, digest, features, outputs }) => ({ id, asOf: Number(as_of), model: digest, features, outputs }))),
      models: digestOfRows(models),
      trainingSets: digestOfRows(sets),
      decisions: digestOfRows(decided),
    }).toEqual(report.digests);
  });

  it('verifies as an audit log, and no more once one row of one database was changed', async () => {
    const verify = async (): Promise<{ code: number | null; output: string }> => {
      const { decisions, heads } = await platform.audit();
      const file = join(folder, 'audit.jsonl');
      writeFileSync(file, [{ format: 'rhei-audit-1', heads }, ...decisions].map((line) => `${JSON.stringify(line)}\n`).join(''));
      const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'apps', 'cli', 'bin', 'rhei.mjs'), 'audit', 'verify', '--file', file], { encoding: 'utf8' });
      return { code: status, output: stdout + stderr };
    };
    expect(report.auditVerified).toBe(true);
    expect(await verify()).toMatchObject({ code: 0, output: expect.stringContaining('All 6 chains hold') });
    const [{ sequence }] = await platform.query<{ sequence: string }>('registry', `
      UPDATE decision SET outcome = replace(outcome, ':', ': ') WHERE sequence = (SELECT min(sequence) FROM decision WHERE action LIKE 'approve%') RETURNING sequence`);
    expect(await verify()).toMatchObject({ code: 1, output: expect.stringContaining(`registry, decision ${sequence}: `) });
  });
});
