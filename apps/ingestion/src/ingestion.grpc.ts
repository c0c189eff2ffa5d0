import { ingestion } from '@rhei/contracts';
import type { Call, Database, Rpc } from '@rhei/runtime';
import { fixQuarantined } from './fix-quarantined';
import { getQuarantined, listQuarantine } from './list-quarantine';
import { quarantineMenders, quarantineReaders } from './quarantine-access';
import type { QuarantineRow } from './quarantine.store';
import { replayQuarantined, type Replayed } from './replay-quarantined';
import type { ContractStore } from './source.store';

export const ingestionRpc = (deps: { database: Database; contracts: ContractStore }): Rpc => ({
  definition: ingestion.IngestionServiceService,
  methods: {
    listQuarantine: {
      roles: quarantineReaders,
      deadline: 2_000,
      async handle(request: ingestion.ListQuarantineRequest, { principal }: Call): Promise<ingestion.ListQuarantineResponse> {
        const { events, total } = await listQuarantine(deps.database, principal, request);
        return { events: events.map(message), total };
      },
    },
    getQuarantined: {
      roles: quarantineReaders,
      deadline: 2_000,
      async handle({ id }: ingestion.GetQuarantinedRequest, { principal }: Call): Promise<ingestion.GetQuarantinedResponse> {
        const { row, value } = await getQuarantined(deps.database, principal, id);
        return { event: message(row), eventJson: value === undefined ? '' : JSON.stringify(value) };
      },
    },
    fixQuarantined: {
      roles: quarantineMenders,
      deadline: 10_000,
      async handle(request: ingestion.FixQuarantinedRequest, { principal, traceparent }: Call): Promise<ingestion.FixQuarantinedResponse> {
        const { row, shard, arrival } = await fixQuarantined(deps, principal, traceparent, request);
        return { event: message(row), status: row.mended!.outcome, shard, arrival };
      },
    },
    replayQuarantined: {
      roles: quarantineMenders,
      deadline: 20_000,
      async handle(request: ingestion.ReplayQuarantinedRequest, { principal, traceparent }: Call): Promise<ingestion.ReplayQuarantinedResponse> {
        const { events, left } = await replayQuarantined(deps, principal, traceparent, request);
        return { events: events.map(replayed), left };
      },
    },
  },
});

const message = ({ sequence, stood, headers, mended, ...event }: QuarantineRow): ingestion.QuarantinedEvent => ({
  id: sequence, ...event, headers: headers ?? {},
  topic: stood?.topic ?? '', partition: stood?.partition ?? 0, position: stood?.offset ?? 0, key: stood?.key ?? Buffer.alloc(0),
  state: mended === undefined ? 'open' : 'mended',
  mendedBy: mended?.by ?? '', mendedAt: mended?.at ?? 0, reason: mended?.reason ?? '', outcome: mended?.outcome ?? '', mendedDigest: mended?.digest ?? '',
});

const replayed = ({ row: { sequence, source, eventId, eventType }, status, error }: Replayed): ingestion.ReplayedEvent => {
  const { field = '', rule = '', expected = '', got = '', hint = '' } = error?.details ?? {};
  return { id: sequence, source, eventId, eventType, status, message: error?.message ?? '', field, rule, expected, got, hint };
};
