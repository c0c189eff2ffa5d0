import { invalid, type RheiError } from '@rhei/contracts';
import { show } from './cloud-event';
import { readData } from './event-body';

/** An event in binary mode: attributes beside the data, by whatever transport. */
export interface BinaryEvent {
  /** Before the attributes' names where they travel, such as `ce_`; for errors. */
  prefix: string;
  attributes: Record<string, string>;
  /** Lower case; empty when the transport says none. */
  contentType: string;
  /** Undefined: no data. */
  value: Buffer | undefined;
  fault(field: string, why: string, expected: string, got: string, hint?: string): RheiError;
}

export const isJson = (contentType: string): boolean => /^[\w.+-]+\/(?:[\w.-]+\+)?json(?:\s*;|$)/i.test(contentType);

/**
 * Puts the event together as structured mode has it. A missing content type counts as JSON.
 * @throws RheiError `invalid` for data that is no JSON or says so, and `too_large`
 */
export function readBinary({ prefix, attributes, contentType: said, value, fault }: BinaryEvent): Record<string, unknown> {
  for (const name of ['data', 'data_base64']) {
    if (Object.hasOwn(attributes, name)) throw fault(`${prefix}${name}`, 'in binary mode the data is the body', 'no such header', show(attributes[name]));
  }
  // Some writers, the public package among them, say the content type twice; the transport's own word counts.
  const { datacontenttype: repeated, ...rest } = attributes;
  const contentType = said || repeated;
  if (value === undefined) return { ...rest, ...(contentType && { datacontenttype: contentType }) };
  if (contentType && !isJson(contentType)) throw fault('content-type', 'only JSON can be held to a contract', 'application/json', show(contentType));
  const { value: data, fault: unreadable } = readData(value);
  if (unreadable !== undefined) throw unreadable;
  return { ...rest, ...(contentType && { datacontenttype: contentType }), data };
}

export const noEvent = (transport: string) => (field: string, why: string, expected: string, got: string, hint?: string): RheiError =>
  invalid(`This is no CloudEvent 1.0 ${transport}: ${field}: ${why}; expected ${expected}, got ${got}.${hint === undefined ? '' : ` ${hint}`}`, { field, expected, got, hint });
