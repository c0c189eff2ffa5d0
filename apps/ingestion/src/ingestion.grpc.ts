import { ingestion } from '@rhei/contracts';
import type { Call, Database, Rpc } from '@rhei/runtime';
import { listQuarantine, quarantineReaders } from './list-quarantine';

export const ingestionRpc = ({ database }: { database: Database }): Rpc => ({
  definition: ingestion.IngestionServiceService,
  methods: {
    listQuarantine: {
      roles: quarantineReaders,
      deadline: 2_000,
      async handle(request: ingestion.ListQuarantineRequest, { principal }: Call): Promise<ingestion.ListQuarantineResponse> {
        const { events, total } = await listQuarantine(database, principal, request);
        return {
          events: events.map(({ sequence, stood, ...event }) => ({
            id: sequence, ...event, topic: stood?.topic ?? '', partition: stood?.partition ?? 0, position: stood?.offset ?? 0, headers: stood?.headers ?? {}, key: stood?.key ?? Buffer.alloc(0),
          })),
          total,
        };
      },
    },
  },
});
