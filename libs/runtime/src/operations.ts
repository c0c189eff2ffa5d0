import { invalid, runtime } from '@rhei/contracts';
import { deadLetters, outstandingOf, parkedKeys } from '@rhei/messaging';
import { readers } from './auth';
import { asMessage, deadLetterMethods } from './dead-letter-methods';
import { readDecisions } from './decision-log';
import { digestLines } from './digest';
import { named } from './dispatch';
import type { RunningService } from './running-service';
import type { Rpc } from './service';
import { isTraced } from './spans';

const LARGEST_PAGE = 1_000;

/** `rhei.runtime.v1.OperationsService`: what every service can tell about itself. */
export function operations(services: ReadonlyMap<string, RunningService>): Rpc {
  return {
    definition: runtime.OperationsServiceService,
    methods: {
      getStatus: { roles: readers, deadline: 5_000, handle: ({ service }: runtime.GetStatusRequest) => statusOf(named(services, service)) },
      listDecisions: {
        roles: readers, deadline: 5_000,
        handle: async ({ service, after, limit, subject }: runtime.ListDecisionsRequest): Promise<runtime.ListDecisionsResponse> => {
          if (limit < 0 || limit > LARGEST_PAGE) throw invalid(`A page has 1 to ${LARGEST_PAGE} decisions: got ${limit}.`, { field: 'limit', got: String(limit) });
          const decisions = await readDecisions(named(services, service).database, { after, limit: limit || LARGEST_PAGE, ...(subject !== '' && { subject }) });
          return { decisions };
        },
      },
      explain: {
        roles: readers, deadline: 5_000,
        handle: async ({ service, kind, id }: runtime.ExplainRequest): Promise<runtime.ExplainResponse> => {
          const { definition, deps } = named(services, service);
          const known = definition.explain ?? {};
          const explain = Object.hasOwn(known, kind) ? known[kind] : undefined;
          const found = await explain?.(deps, id);
          return {
            found: found !== undefined, title: found?.title ?? '', lines: found?.lines ?? [], causes: found?.causes ?? [],
            traceparents: (found?.traceparents ?? []).filter((traceparent) => traceparent !== ''), traced: isTraced(definition.name),
          };
        },
      },
      // Reads all that the service owns; a story asks once, at its end.
      getSummary: { roles: readers, deadline: 30_000, handle: ({ service }: runtime.GetSummaryRequest) => summaryOf(named(services, service)) },
      ...deadLetterMethods(services),
    },
  };
}

async function statusOf(service: RunningService): Promise<runtime.GetStatusResponse> {
  const { definition, deps, database, subscriptions, clock, name } = service;
  const [{ unsent }, parked, dead, figures, partitions] = await Promise.all([
    outstandingOf(database), parkedKeys(database), deadLetters(database), definition.figures?.(deps) ?? {}, subscriptions.progress(),
  ]);
  const because = service.notReadyBecause;
  return {
    service: name, ready: because === undefined, notReadyBecause: because ?? '', time: clock.now(), unsent,
    lag: partitions.reduce((sum, { position, head }) => sum + Math.max(0, head - position), 0),
    parked: parked.map(({ group, key, waiting }) => ({ subscription: group, key, waiting })),
    deadLetters: dead.map(asMessage),
    figures,
  };
}

/** Counts and digests of what a service owns. */
export async function summaryOf({ definition, deps }: RunningService): Promise<runtime.GetSummaryResponse> {
  const digests: Record<string, string> = {};
  for (const [name, rows] of Object.entries(definition.digests ?? {})) digests[name] = await digestLines(rows(deps));
  return { counts: (await definition.counts?.(deps)) ?? {}, digests };
}
