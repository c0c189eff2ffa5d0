import { RheiError, serviceNames, type runtime, type ServiceName } from '@rhei/contracts';

/** The kinds of things that can be asked about, and which service knows them. */
export const owners: Record<string, ServiceName> = {
  prediction: 'serving', version: 'registry', run: 'training', 'training-set': 'feature', served: 'feature', retraining: 'monitoring', window: 'monitoring', alarm: 'monitoring', promotion: 'monitoring', event: 'ingestion', model: 'registry',
};

/** One thing in a chain of causes. */
export interface Link {
  service: string;
  kind: string;
  id: string;
  title: string;
  lines: string[];
  causes: Link[];
  /** Why the chain ends here although it goes on: told above already, too deep, unknown, or the service did not answer. */
  ends?: 'shown above' | 'deeper' | 'not on record' | 'no answer';
}

export type Explain = (request: runtime.ExplainRequest) => Promise<runtime.ExplainResponse>;

/** What the services know about `id`: as the kind that was named, or as any kind. Empty when nobody knows it. */
export async function find(explain: Explain, kind: string | undefined, id: string): Promise<{ service: ServiceName; kind: string; found: runtime.ExplainResponse }[]> {
  const questions = kind === undefined
    ? Object.entries(owners).map(([each, service]) => ({ service, kind: each }))
    // What was served and differs from what the same question gives now stands beside the prediction.
    : [...(owners[kind] === undefined ? [...serviceNames] : [owners[kind]]).map((service) => ({ service, kind })), ...(kind === 'prediction' ? [{ service: owners.served, kind: 'served' }] : [])];
  const answers = await Promise.all(questions.map(async (question) => ({ ...question, found: await known(explain, { ...question, id }) })));
  return answers.flatMap(({ found, ...rest }) => (found === undefined ? [] : [{ ...rest, found }]));
}

/** Follows the causes of a thing to their beginning, each thing once, not deeper than `depth`. */
export async function follow(explain: Explain, start: { service: string; kind: string; id: string; found: runtime.ExplainResponse }, depth: number): Promise<Link> {
  const seen = new Set<string>();
  const walk = async (reference: runtime.Reference, left: number, found?: runtime.ExplainResponse): Promise<Link> => {
    const end = (ends: Link['ends'], title: string): Link => ({ ...reference, title, lines: [], causes: [], ends });
    const key = `${reference.service}/${reference.kind}/${reference.id}`;
    if (seen.has(key)) return end('shown above', `${reference.kind} ${reference.id}`);
    if (left < 0) return end('deeper', `${reference.kind} ${reference.id}`);
    seen.add(key);
    let explained: runtime.ExplainResponse | undefined;
    try {
      explained = found ?? (await known(explain, reference));
    } catch (error) {
      if (!(error instanceof RheiError)) throw error;
      return end('no answer', `${reference.kind} ${reference.id}: ${error.code}: ${error.message}`);
    }
    if (explained === undefined) return end('not on record', `${reference.kind} ${reference.id}`);
    const causes: Link[] = [];
    // One after the other: what is shown once is shown at its first place.
    for (const cause of explained.causes) causes.push(await walk(cause, left - 1));
    return { ...reference, title: explained.title, lines: explained.lines, causes };
  };
  return walk({ service: start.service, kind: start.kind, id: start.id }, depth, start.found);
}

async function known(explain: Explain, { service, kind, id }: runtime.ExplainRequest): Promise<runtime.ExplainResponse | undefined> {
  try {
    const answer = await explain({ service, kind, id });
    return answer.found ? answer : undefined;
  } catch (error) {
    if (error instanceof RheiError && error.code === 'not_found') return undefined;
    throw error;
  }
}
