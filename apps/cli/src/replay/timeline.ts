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
  'start-run', 'complete-run', 'fail-run', 'register', 'refuse', 'gate', 'approve', 'reject', 'promote', 'shift-traffic', 'detect-drift', 'request-retraining', 'decline-retraining', 'decline-run',
]);

/** The decisions of all services in the order in which they happened. */
export function timelineOf(byService: Map<ServiceName, runtime.Decision[]>): TimelineEntry[] {
  const entries = serviceNames.flatMap((service) =>
    (byService.get(service) ?? []).filter(({ action }) => told.has(action)).map((decision) => ({ decision, service })));
  // Within one instant a cause stands before its effects: services are listed in the order of the loop from the alarm on.
  const loop: ServiceName[] = ['ingestion', 'feature', 'monitoring', 'training', 'registry', 'serving'];
  entries.sort((a, b) => a.decision.asOf - b.decision.asOf || loop.indexOf(a.service) - loop.indexOf(b.service) || a.decision.sequence - b.decision.sequence);
  return entries.map(({ decision, service }) => {
    const outcome = parse(decision.outcomeJson);
    const details = { ...parse(decision.inputsJson), ...outcome };
    return {
      asOf: formatInstant(decision.asOf), service, subject: decision.subject, action: decision.action, by: decision.by,
      text: sentence(decision, outcome), details,
    };
  });
}

function sentence({ subject, action, by }: runtime.Decision, outcome: Record<string, unknown>): string {
  const said = [outcome.reason, outcome.text, outcome.state].find((text) => typeof text === 'string');
  const reason = said === undefined ? '' : `: ${(said as string).replaceAll('_', ' ')}`;
  return `${by} → ${action.replaceAll('-', ' ')} ${subject}${reason}`;
}

function parse(json: string): Record<string, unknown> {
  const value: unknown = json === '' ? {} : JSON.parse(json);
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : { value };
}
