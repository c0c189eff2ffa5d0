import type { ingestion } from '@rhei/contracts';
import { ExpressionError } from '@rhei/expressions';
import { call } from '../connect';
import { mendedBatches } from '../mended-batches';
import { ask, patiently, type Doors } from './doors';

/** Which of the open ones. */
export interface Chosen {
  source: string;
  type: string;
}

export interface Mending {
  reason: string;
  token: string;
  /** The data put right, or undefined for an event that is not meant; absent: the event is judged again as it was sent. */
  mend?: (data: Record<string, unknown>, id: string) => Record<string, unknown> | undefined;
}

const page = 500;

/**
 * Mends the open events of a source and type. What the contract refuses stays in quarantine. Doing it again finds only what
 * is still open, and a repeated call is answered with what is on record: so a crash in the middle shows in nothing.
 */
export async function mendQuarantine(doors: Doors, chosen: Chosen, { reason, token, mend }: Mending): Promise<void> {
  const open = await listQuarantine(doors, { ...chosen, state: 'open' });
  open.sort((a, b) => (a.eventId < b.eventId ? -1 : a.eventId > b.eventId ? 1 : 0));
  const parts = mend === undefined
    ? Array.from({ length: Math.ceil(open.length / page) }, (_, part) => ({ ids: open.slice(part * page, (part + 1) * page).map(({ id }) => id), mended: [] }))
    : mendedBatches(open.flatMap((event) => contentOf(event, mend))).map((mended) => ({ ids: [], mended }));
  for (const part of parts) {
    const request = { ...part, source: '', type: '', code: '', limit: 0, after: '', dryRun: false, reason };
    await patiently('judge quarantined events again', () => call(doors.ingestion, doors.ingestion.replayQuarantined, request, { token }));
  }
}

function contentOf(event: ingestion.QuarantinedEvent, mend: NonNullable<Mending['mend']>): ingestion.MendedContent[] {
  const data = mended(mend, dataOf(event), event.eventId);
  return data === undefined ? [] : [{ id: event.id, eventJson: '', dataJson: JSON.stringify(data) }];
}

/** What cannot be computed is another fault than the one that is mended: it stays in quarantine too. */
function mended(mend: NonNullable<Mending['mend']>, data: Record<string, unknown>, id: string): Record<string, unknown> | undefined {
  try {
    return mend(data, id);
  } catch (error) {
    if (error instanceof ExpressionError) return undefined;
    throw error;
  }
}

/** All pages of what a filter finds. */
export async function listQuarantine(doors: Doors, filter: Partial<ingestion.ListQuarantineRequest>): Promise<ingestion.QuarantinedEvent[]> {
  const found: ingestion.QuarantinedEvent[] = [];
  for (;;) {
    const request = { source: '', type: '', code: '', state: '', ...filter, limit: page, after: found.at(-1)?.id ?? '' };
    const { events } = await ask(doors, doors.ingestion, doors.ingestion.listQuarantine, request);
    found.push(...events);
    if (events.length === 0) return found;
  }
}

/** The data of a quarantined event as it was sent; empty where that cannot be read. */
function dataOf({ original }: ingestion.QuarantinedEvent): Record<string, unknown> {
  try {
    const { data } = JSON.parse(Buffer.from(original).toString('utf8')) as { data?: unknown };
    return typeof data === 'object' && data !== null && !Array.isArray(data) ? (data as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
