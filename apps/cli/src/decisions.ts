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
      if (decisions.length < page) return all;
    }
  };
  return new Map(await Promise.all(serviceNames.map(async (service) => [service, await read(service)] as const)));
}

/** Recomputes every hash from what was read: nothing of the platform's own judgement is used. */
export function verifyAll(byService: Map<ServiceName, runtime.Decision[]>): { service: ServiceName; decisions: number; fault?: string }[] {
  return [...byService].map(([service, decisions]) => ({ service, decisions: decisions.length, fault: verifyChain(decisions) }));
}
