import type { TimelineEntry } from './timeline';

/** A version that went back to the one before. */
export interface Rollback {
  deployment: string;
  model: string;
  version: number;
  /** The version that answers since; 0: none. */
  to: number;
  /** `guard`, `monitor` or the name of a person. */
  by: string;
  reason: string;
  at: string;
}

/** What serving decided about going back, oldest first. */
export function rollbacksOf(timeline: TimelineEntry[]): Rollback[] {
  return timeline.filter(({ service, action }) => service === 'serving' && action === 'roll-back').map(({ asOf, subject, by, details }) => ({
    deployment: subject.replace(/^deployment\//, ''), model: text(details.model), version: number(details.version), to: number(details.live), by: text(details.by) || by, reason: text(details.reason), at: asOf,
  }));
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '');
const number = (value: unknown): number => (typeof value === 'number' ? value : 0);
