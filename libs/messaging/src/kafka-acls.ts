import { events, serviceNames, topics, type ServiceName } from '@rhei/contracts';
import type { UpstreamTopic } from './kafka-topics';

/** One thing that one principal may do; everything else is refused by a broker with an authorizer. */
export interface Grant {
  /** `User:feature`. */
  principal: string;
  resource: 'topic' | 'group' | 'cluster';
  name: string;
  /** `prefixed`: every name that begins with it. */
  match: 'literal' | 'prefixed';
  operation: 'read' | 'write' | 'describe' | 'describe_configs';
}

/**
 * Who may do what, as topics.ts says: a service writes the topics of its events, reads those that it hears, sees all of
 * ours, and its consumer groups are its own. An upstream topic is written by its writers alone, so that nobody can speak in
 * another's name, and read by ingestion. `userOf` names the user of a service.
 */
export function grantsOf(upstream: UpstreamTopic[] = [], userOf: (service: ServiceName) => string = (service) => service): Grant[] {
  return [...serviceNames.flatMap((service) => ofService(service, userOf(service))), ...upstream.flatMap((topic) => ofUpstream(topic, userOf('ingestion')))];
}

function ofService(service: ServiceName, user: string): Grant[] {
  const rows = Object.values(events);
  const written = [...new Set(rows.filter(({ from }) => from === service).map(({ topic }) => topic))];
  const heard = [...new Set(rows.filter(({ to }) => (to as Record<string, unknown>)[service] !== undefined).map(({ topic }) => topic))];
  const grant = (resource: Grant['resource'], name: string, operation: Grant['operation'], match: Grant['match'] = 'literal'): Grant =>
    ({ principal: `User:${user}`, resource, name, match, operation });
  return [
    ...written.map((topic) => grant('topic', topic, 'write')),
    ...heard.map((topic) => grant('topic', topic, 'read')),
    ...Object.keys(topics).flatMap((topic) => [grant('topic', topic, 'describe'), grant('topic', topic, 'describe_configs')]),
    grant('group', service, 'read'),
    grant('group', `${service}.`, 'read', 'prefixed'),
    // The start looks whether the broker makes topics by itself.
    grant('cluster', 'kafka-cluster', 'describe_configs'),
  ];
}

const ofUpstream = ({ name, writers }: UpstreamTopic, reader: string): Grant[] => [
  ...writers.map((writer): Grant => ({ principal: `User:${writer}`, resource: 'topic', name, match: 'literal', operation: 'write' })),
  { principal: `User:${reader}`, resource: 'topic', name, match: 'literal', operation: 'read' },
];
