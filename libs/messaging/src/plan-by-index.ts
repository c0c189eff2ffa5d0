import type { Queryable } from './transaction';

/**
 * Has the questions of this transaction planned by index, in the index's order. PostgreSQL keeps the plan of a prepared
 * statement as long as its connection, and one that was made while there were few rows, or for something with few of them,
 * reads later, each time, all that there are. With it goes "OFFSET 0" or "LIMIT 1" in a look-up, since a join may read the
 * whole index.
 */
export const planByIndex = (tx: Queryable): Promise<unknown> => tx.query("SELECT set_config('enable_seqscan', 'off', true), set_config('enable_sort', 'off', true)");
