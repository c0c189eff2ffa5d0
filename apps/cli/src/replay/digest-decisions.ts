import type { runtime, ServiceName } from '@rhei/contracts';
import { canonicalJson, sha256 } from '@rhei/expressions';

/** SHA-256 over every decision of the six services by (as-of, service, subject, action), one line of canonical JSON each. */
export function digestDecisions(byService: Map<ServiceName, runtime.Decision[]>): string {
  const rows = [...byService].flatMap(([service, decisions]) =>
    decisions.map(({ asOf, subject, action, inputsDigest, outcomeJson }) => ({ asOf, service, subject, action, inputs: inputsDigest, outcome: JSON.parse(outcomeJson) as unknown })));
  const lines = rows.map((row) => ({ row, line: canonicalJson(row) }));
  lines.sort((a, b) => a.row.asOf - b.row.asOf || compare(a.row.service, b.row.service) || compare(a.row.subject, b.row.subject) || compare(a.row.action, b.row.action) || compare(a.line, b.line));
  return sha256(lines.map(({ line }) => `${line}\n`).join(''));
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
