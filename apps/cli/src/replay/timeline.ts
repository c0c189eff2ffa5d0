import { serviceNames, type runtime, type ServiceName } from '@rhei/contracts';
import { formatInstant } from '@rhei/expressions';

/** One thing that was decided, told in a sentence. */
export interface TimelineEntry {
  asOf: string;
  service: ServiceName;
  subject: string;
  action: string;
  by: string;
  text: string;
  details: Record<string, unknown>;
}

/** What is of interest afterwards; every daily look and every window without an alarm is not. */
const told = new Set([
  'start-run', 'complete-run', 'cancel', 'override-leak', 'register', 'refuse', 'gate', 'approve', 'reject', 'promote', 'outdate', 'deprecate', 'restore', 'start-rollout', 'shift-traffic',
  'refuse-traffic', 'roll-back', 'ignore-rollback', 'judge-promotion', 'request-retraining', 'decline-retraining', 'mend-event',
]);
/** Done to many things at once: told once, with their number. */
const inBulk = new Set(['mend-event']);

function isTold(service: ServiceName, { action, inputsJson }: runtime.Decision): boolean {
  // A rollback is serving's; the registry follows it. A plan that does not train when it looks is its everyday.
  if (action === 'roll-back') return service === 'serving';
  return told.has(action) || (action === 'decline' && 'request' in parse(inputsJson));
}

/** The decisions of all services in the order in which they happened. */
export function timelineOf(byService: Map<ServiceName, runtime.Decision[]>): TimelineEntry[] {
  const entries = serviceNames.flatMap((service) =>
    (byService.get(service) ?? []).filter((decision) => isTold(service, decision)).map((decision) => ({ decision, service })));
  // Within one instant a cause stands before its effects: services are listed in the order of the loop from the alarm on.
  const loop: ServiceName[] = ['ingestion', 'feature', 'monitoring', 'training', 'registry', 'serving'];
  entries.sort((a, b) => a.decision.asOf - b.decision.asOf || loop.indexOf(a.service) - loop.indexOf(b.service) || a.decision.sequence - b.decision.sequence);
  const bulks = new Map<string, TimelineEntry>();
  return entries.flatMap(({ decision, service }): TimelineEntry[] => {
    const outcome = parse(decision.outcomeJson);
    const { asOf, by, action, subject } = decision;
    if (!inBulk.has(action)) return [{ asOf: formatInstant(asOf), service, subject, action, by, text: sentence(decision, outcome), details: { ...parse(decision.inputsJson), ...outcome } }];
    const name = JSON.stringify([asOf, by, action]);
    const bulk = bulks.get(name);
    const count = ((bulk?.details.count as number | undefined) ?? 0) + 1;
    const entry = bulk ?? { asOf: formatInstant(asOf), service, subject: '', action, by, text: '', details: {} };
    entry.text = `${by} → ${action.replaceAll('-', ' ')}: ${count} of them`;
    entry.details.count = count;
    bulks.set(name, entry);
    return bulk === undefined ? [entry] : [];
  });
}

function sentence({ subject, action, by }: runtime.Decision, outcome: Record<string, unknown>): string {
  const told = [outcome.text, outcome.verdict, outcome.state].find((text) => typeof text === 'string' && text !== '');
  const said = [told, outcome.reason].filter((text): text is string => typeof text === 'string' && text !== '').map((text) => text.replaceAll('_', ' '));
  return `${by} → ${action.replaceAll('-', ' ')} ${[subject, ...said].join(': ')}`;
}

function parse(json: string): Record<string, unknown> {
  const value: unknown = json === '' ? {} : JSON.parse(json);
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : { value };
}
