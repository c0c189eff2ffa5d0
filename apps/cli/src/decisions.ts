import { serviceNames, type runtime, type ServiceName } from '@rhei/contracts';
import { verifyChain } from '@rhei/runtime';

const page = 1_000;

/** All decisions of the six services, each in the order of its chain. */
export async function readDecisions(
  list: (request: runtime.ListDecisionsRequest) => Promise<runtime.ListDecisionsResponse>, subject = '',
): Promise<Map<ServiceName, runtime.Decision[]>> {
  const read = async (service: ServiceName): Promise<runtime.Decision[]> => {
    const all: runtime.Decision[] = [];
    for (;;) {
      const { decisions } = await list({ service, after: all.at(-1)?.sequence ?? 0, limit: page, subject });
      all.push(...decisions);
      // A service may hand out smaller pages than were asked for: only an empty one is the end.
      if (decisions.length === 0) return all;
    }
  };
  return new Map(await Promise.all(serviceNames.map(async (service) => [service, await read(service)] as const)));
}

/** Where a chain ends. Kept elsewhere, it is what shows that its end was cut off. */
export interface Head {
  sequence: number;
  hash: string;
}

export interface VerifiedChain {
  service: ServiceName;
  decisions: number;
  head?: Head;
  /** What differs, and at which decision; absent when the chain holds. */
  fault?: string;
  sequence?: number;
}

/** Recomputes every hash from what was read: nothing of the platform's own judgement is used. */
export function verifyAll(byService: Map<ServiceName, runtime.Decision[]>, heads: Partial<Record<ServiceName, Head>> = {}): VerifiedChain[] {
  return [...byService].map(([service, decisions]) => {
    const verdict = verifyChain(decisions, heads[service]);
    const last = decisions.at(-1);
    return {
      service, decisions: decisions.length,
      ...(last === undefined ? {} : { head: { sequence: last.sequence, hash: last.hash } }),
      ...(verdict.ok ? {} : { fault: verdict.fault, sequence: verdict.sequence }),
    };
  });
}
