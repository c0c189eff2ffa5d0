import { RheiError, serviceNames, type runtime, type ServiceName } from '@rhei/contracts';
import { GENESIS } from '@rhei/runtime';
import type { Head } from './decisions';

const format = 'rhei-audit-1';
const fields = ['sequence', 'asOf', 'writtenAt', 'subject', 'action', 'by', 'inputsJson', 'inputsDigest', 'outcomeJson', 'previousHash', 'hash'] as const;

export interface AuditFile {
  chains: Map<ServiceName, runtime.Decision[]>;
  heads: Partial<Record<ServiceName, Head>>;
}

/** JSON lines: first where each chain ends, then every decision with its service. */
export function* writeAudit(chains: Map<ServiceName, runtime.Decision[]>): Generator<string> {
  const heads = Object.fromEntries([...chains].map(([service, decisions]) => [service, { sequence: decisions.at(-1)?.sequence ?? 0, hash: decisions.at(-1)?.hash ?? GENESIS }]));
  yield `${JSON.stringify({ format, heads })}\n`;
  for (const [service, decisions] of chains) {
    for (const decision of decisions) yield `${JSON.stringify({ service, ...Object.fromEntries(fields.map((field) => [field, decision[field]])) })}\n`;
  }
}

const anExport = 'make one with "rhei audit export > FILE"';

/** Reads what {@link writeAudit} wrote. Errors: `invalid`, naming the line. */
export function readAudit(text: string, file: string): AuditFile {
  const lines = text.split('\n').map((line, at) => ({ line, at: at + 1 })).filter(({ line }) => line.trim() !== '');
  const [first, ...rest] = lines.map(({ line, at }) => ({ value: objectOf(line, `${file}:${at}`), at }));
  if (first?.value.format !== format) throw new RheiError('invalid', `${file} is no export of an audit log.`, { field: '--file', expected: `a first line with "format": "${format}"`, got: file, hint: anExport });
  const heads = (first.value.heads ?? {}) as AuditFile['heads'];
  const chains = new Map<ServiceName, runtime.Decision[]>(serviceNames.map((service) => [service, []]));
  for (const { value, at } of rest) {
    const chain = chains.get(value.service as ServiceName);
    const missing = fields.filter((field) => typeof value[field] !== (['sequence', 'asOf', 'writtenAt'].includes(field) ? 'number' : 'string'));
    if (chain === undefined || missing.length > 0) {
      throw new RheiError('invalid', `${file}:${at} is no decision: ${chain === undefined ? `there is no service ${JSON.stringify(value.service)}` : `${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} missing or of another type`}.`, { field: '--file', expected: 'a decision on each line after the first', got: `${file}:${at}`, hint: anExport });
    }
    chain.push(Object.fromEntries(fields.map((field) => [field, value[field]])) as unknown as runtime.Decision);
  }
  return { chains, heads };
}

function objectOf(line: string, at: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // Told below, with the place.
  }
  throw new RheiError('invalid', `${at} is no JSON object.`, { field: '--file', expected: 'a JSON object on each line', got: at, hint: anExport });
}
