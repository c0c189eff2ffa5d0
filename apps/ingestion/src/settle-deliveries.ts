/** What is compared of one delivery; `broken` when it does not meet its contract. */
export interface Delivery {
  source: string;
  id: string;
  digest: string;
  broken: boolean;
}
export type Verdict = 'accepted' | 'duplicate' | 'conflict' | 'rejected';

/** Source and id as one key. Neither holds a control character, so two pairs never meet. */
export const identity = ({ source, id }: { source: string; id: string }): string => `${source}\n${id}`;

/** The deliveries that may become records: the first sound one of each (source, id), in the order of both. */
export function candidates<D extends Delivery>(deliveries: readonly D[]): D[] {
  const first = new Map<string, D>();
  for (const delivery of deliveries) {
    const key = identity(delivery);
    if (!delivery.broken && !first.has(key)) first.set(key, delivery);
  }
  // Two commits that insert the same ids wait for each other in one order only, so they cannot deadlock.
  return [...first.entries()].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([, delivery]) => delivery);
}

/**
 * What becomes of each delivery, in order. `known` holds the digests of records that were there before, by
 * {@link identity}. The same content again is a duplicate even if the contract has become stricter since: what was
 * accepted stays accepted.
 */
export function settleDeliveries(deliveries: readonly Delivery[], known: ReadonlyMap<string, string>): Verdict[] {
  const seen = new Map(known);
  return deliveries.map((delivery) => {
    const key = identity(delivery);
    const before = seen.get(key);
    if (before === delivery.digest) return 'duplicate';
    if (delivery.broken) return 'rejected';
    if (before !== undefined) return 'conflict';
    seen.set(key, delivery.digest);
    return 'accepted';
  });
}
