import type { Doors } from './doors';
import { listQuarantine } from './mend-quarantine';

export interface Quarantine {
  /** Different contents that were set aside; `total = mended + open`. */
  total: number;
  mended: number;
  open: number;
  byCode: Record<string, { total: number; mended: number }>;
  /** How many each person mended. */
  mendedBy: Record<string, number>;
}

/** What was set aside, and what of it was mended. */
export async function quarantineOf(doors: Doors): Promise<Quarantine> {
  const events = [...new Map((await listQuarantine(doors, {})).map((event) => [event.contentDigest, event])).values()];
  const mended = events.filter(({ state }) => state === 'mended');
  const count = <T>(list: T[], name: (one: T) => string): Record<string, number> => {
    const counts: Record<string, number> = {};
    for (const one of [...list].map(name).sort()) counts[one] = (counts[one] ?? 0) + 1;
    return counts;
  };
  const mendedByCode = count(mended, ({ code }) => code);
  return {
    total: events.length, mended: mended.length, open: events.length - mended.length,
    byCode: Object.fromEntries(Object.entries(count(events, ({ code }) => code)).map(([code, total]) => [code, { total, mended: mendedByCode[code] ?? 0 }])),
    mendedBy: count(mended, ({ mendedBy }) => mendedBy),
  };
}
