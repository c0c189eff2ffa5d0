import { formatInstant, parseDuration } from '@rhei/expressions';
import { inGroup, service, type Database, type Duration, type WorkContext } from '@rhei/runtime';
import { acceptEvents, type Outcome, type Submission } from './accept-events';
import { closeArrivals } from './close-arrivals';
import { config, type Config } from './config';
import { explainEvent } from './explain-event';
import { GroupCommit } from './group-commit';
import { ingestionRpc } from './ingestion.grpc';
import { ingestionHttp } from './ingestion.http';
import { Ingestion0001Records1700000000001 } from './migrations/0001-records';
import { Ingestion0002Topics1700000000002 } from './migrations/0002-topics';
import { Ingestion0003Facts1700000000003 } from './migrations/0003-facts';
import { countQuarantined } from './quarantine.store';
import { allRecords, countRecords, countRevisions } from './record.store';
import { sourceResource } from './source.resource';
import { ContractStore } from './source.store';
import { UpstreamReader } from './upstream-reader';

/** What the parts of this service are built from. */
export interface Deps {
  database: Database;
  contracts: ContractStore;
  committer: GroupCommit<Submission, Outcome>;
  watermarkInterval: Duration;
  upstreamReader: UpstreamReader;
}

const mebibyte = 1024 * 1024;

const causeOf = ({ cause, traceparent }: Submission): WorkContext => cause ?? { traceparent, service: 'ingestion' };

export const IngestionModule = service<Config, Deps>({
  name: 'ingestion',
  config,
  migrations: [Ingestion0001Records1700000000001, Ingestion0002Topics1700000000002, Ingestion0003Facts1700000000003],
  deps({ config: { queueEvents, watermarkInterval }, clock, database, upstream, log }): Deps {
    const contracts = new ContractStore();
    return {
      database, contracts,
      committer: new GroupCommit((submissions) => inGroup('accept events', submissions.map(causeOf), () => acceptEvents({ database, contracts }, submissions)), {
        groupItems: 2_000, groupBytes: 8 * mebibyte, queueItems: queueEvents, queueBytes: 64 * mebibyte,
      }),
      // A story takes thousands of steps: there a day is often enough.
      watermarkInterval: watermarkInterval ?? parseDuration(clock.kind === 'replay' ? '1d' : '10s'),
      upstreamReader: new UpstreamReader({ database, contracts, upstream, log }),
    };
  },
  rpc: (deps) => [ingestionRpc(deps)],
  http: [ingestionHttp],
  timers: [closeArrivals],
  resources: [sourceResource],
  explain: { event: explainEvent },
  figures: async ({ database, upstreamReader: { unread } }) => ({ ...(await countRecords(database)), quarantined: await countQuarantined(database), ...(unread > 0 && { 'topics not read': unread }) }),
  // What was mended was not accepted when it was sent: it counts among what was quarantined.
  counts: async ({ database }) => {
    const { records, mended } = await countRecords(database);
    return { accepted: records - mended, quarantined: await countQuarantined(database), mended, ...(await countRevisions(database)) };
  },
  digests: {
    // Instants as RFC 3339 in UTC.
    async *accepted({ database }) {
      for await (const { source, id, type, eventTime, arrival, arrivalBasis, contentDigest } of allRecords(database)) {
        yield { source, id, type, eventTime: formatInstant(eventTime), arrival: formatInstant(arrival), arrivalBasis, contentDigest };
      }
    },
  },
  workers: [
    { name: 'committer', start: async () => {}, stop: ({ committer }) => committer.drained() },
    { name: 'upstream', start: async ({ upstreamReader }) => upstreamReader.start(), stop: ({ upstreamReader }) => upstreamReader.stop() },
  ],
});
