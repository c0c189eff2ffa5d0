import type { Instant } from '@rhei/runtime';
import { compareText } from '../view/window';

/** A record as a revision of its fact: all records of one source, type and identity state the same fact. */
export interface Revision {
  id: string;
  revision: number;
  eventTime: Instant;
  arrival: Instant;
  /** max(arrival, eventTime) */
  knownAt: Instant;
  withdrawn: boolean;
}
export interface Fact {
  source: string;
  type: string;
  identity: string;
  revisions: readonly Revision[];
}

/** The order in which revisions of a fact rank: the highest of those that are known counts. */
export function compareRevisions(a: Revision, b: Revision): number {
  return a.revision - b.revision || a.eventTime - b.eventTime || a.arrival - b.arrival || compareText(a.id, b.id);
}

/** From when on each revision is superseded: the least `knownAt` of those that rank higher. The highest never is. */
export function untils(revisions: readonly Revision[]): Map<string, Instant | undefined> {
  const found = new Map<string, Instant | undefined>();
  let until: Instant | undefined;
  for (const { id, knownAt } of [...revisions].sort((a, b) => compareRevisions(b, a))) {
    found.set(id, until);
    until = until === undefined ? knownAt : Math.min(until, knownAt);
  }
  return found;
}

/** The facts that a batch speaks of, with all their revisions. */
export class Facts {
  /** Those with more than one revision: records that were kept before may be superseded now. */
  readonly revised: readonly Fact[];
  private readonly superseded = new Map<string, Instant>();

  constructor(facts: readonly Fact[]) {
    this.revised = facts.filter(({ revisions }) => revisions.length > 1);
    for (const { source, revisions } of this.revised) {
      for (const [id, until] of untils(revisions)) if (until !== undefined) this.superseded.set(`${source}\0${id}`, until);
    }
  }

  /** From when on a record is superseded; undefined: it is not. */
  until(source: string, id: string): Instant | undefined {
    return this.superseded.get(`${source}\0${id}`);
  }

  /** The identities of revised facts of one source and type. */
  revisedOf(source: string, type: string): string[] {
    return this.revised.filter((fact) => fact.source === source && fact.type === type).map(({ identity }) => identity);
  }
}
