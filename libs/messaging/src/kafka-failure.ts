import { forbidden, invalid, notFound, RheiError, tooLarge, unavailable } from '@rhei/contracts';
import { reasonOf } from './failure';

interface Nested {
  name?: string;
  type?: string;
  retriable?: boolean;
  cause?: unknown;
}

/** The error at the root of what kafkajs wraps several times. */
export function rootOf(error: unknown): Nested & { message?: string } {
  let root = error as Nested;
  for (let depth = 0; root?.cause && depth < 10; depth++) root = root.cause as Nested;
  return root ?? {};
}

/** The text of a failure. The library swallows why nobody would name a coordinator for a group. */
export function tellingReason(error: unknown): string {
  const root = rootOf(error);
  return root.name === 'KafkaJSGroupCoordinatorNotFound' ? 'no broker names a coordinator for the group: it is starting, or refuses the group to this user' : reasonOf(root);
}

/** Kafka's name of the error, such as `MESSAGE_TOO_LARGE`; undefined when the broker did not answer. */
export const kafkaCode = (error: unknown): string | undefined => rootOf(error).type;

/** The producer's number is no longer good for anything: only a new producer goes on. */
export const isFatalForProducer = (error: unknown): boolean =>
  ['OUT_OF_ORDER_SEQUENCE_NUMBER', 'UNKNOWN_PRODUCER_ID', 'INVALID_PRODUCER_EPOCH'].includes(kafkaCode(error) ?? '');

const refusals = new Set(['TOPIC_AUTHORIZATION_FAILED', 'GROUP_AUTHORIZATION_FAILED', 'CLUSTER_AUTHORIZATION_FAILED', 'SASL_AUTHENTICATION_FAILED', 'UNSUPPORTED_SASL_MECHANISM', 'ILLEGAL_SASL_STATE']);
const sizes = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE']);

/** Whether the broker has looked at the batch and stored nothing of it. */
export const isRefusal = (error: unknown): boolean => refusals.has(kafkaCode(error) ?? '') || sizes.has(kafkaCode(error) ?? '') || kafkaCode(error) === 'INVALID_RECORD' || rootOf(error).name === 'KafkaJSSASLAuthenticationError';

/** Whether the same question may soon be answered on another connection: nobody answered, or a leader has just moved. */
export function mayBeAskedAgain(error: unknown): boolean {
  if (error instanceof RheiError) return false;
  const { type, name, retriable } = rootOf(error);
  return type === undefined ? name !== 'KafkaJSSASLAuthenticationError' : retriable === true && type !== 'UNKNOWN_TOPIC_OR_PARTITION';
}

/** What the caller of the port gets. `what` names the thing that was asked for. */
export function asCallersError(error: unknown, what: string): unknown {
  if (error instanceof RheiError) return error;
  const root = rootOf(error);
  const reason = tellingReason(error).replace(/\.$/, '');
  if (sizes.has(root.type ?? '')) return tooLarge(`The broker refused the size of ${what}: ${reason}. Raise max.message.bytes of the topic.`);
  if (refusals.has(root.type ?? '') || root.name === 'KafkaJSSASLAuthenticationError') {
    return forbidden(`The broker refused ${what}: ${reason}. Check the user and password of EVENT_LOG, and its rights: rhei topics apply --acls grants what topics.ts asks for.`);
  }
  if (root.type === 'INVALID_RECORD') return invalid(`The broker refused an entry of ${what}: ${reason}.`);
  if (root.type === 'UNKNOWN_TOPIC_OR_PARTITION') return notFound(`The broker does not know ${what}, or does not show it to this user. Make the topics first: rhei topics apply.`);
  return unavailable(`The event log does not answer (${what}): ${reason}.`);
}
