/** What is compared of one delivery; `broken` when it does not meet its contract. */
export interface Delivery {
  /** Source and id, as {@link identity} writes them. */
  name: string;
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
    if (!delivery.broken && !first.has(delivery.name)) first.set(delivery.name, delivery);
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
    const before = seen.get(delivery.name);
    if (before === delivery.digest) return 'duplicate';
    if (delivery.broken) return 'rejected';
    if (before !== undefined) return 'conflict';
    seen.set(delivery.name, delivery.digest);
    return 'accepted';
  });
}
