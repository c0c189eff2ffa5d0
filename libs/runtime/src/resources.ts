import { invalid, runtime } from '@rhei/contracts';
import { canonicalJson, sha256 } from '@rhei/expressions';
import type { Queryable } from '@rhei/messaging';
import { RESOURCE_LOCK } from './advisory-locks';
import { readers, type Role } from './auth';
import { named } from './dispatch';
import { checkBundle, type Checked, type Shaped } from './resource-check';
import { differences } from './resource-diff';
import type { RunningService } from './running-service';
import type { Call, Rpc } from './service';

const writers: Role[] = ['developer', 'admin'];
const MOST_BYTES = 8 * 1024 * 1024;

interface Row {
  kind: string;
  name: string;
  version: number;
  spec: string;
}

/** `rhei.runtime.v1.ResourceService`: what `rhei apply` talks to. */
export function resources(services: ReadonlyMap<string, RunningService>): Rpc {
  return {
    definition: runtime.ResourceServiceService,
    methods: {
      checkResources: {
        roles: writers, deadline: 10_000, maxBytes: MOST_BYTES,
        handle: (request: runtime.CheckResourcesRequest) => check(named(services, request.service), request.resources),
      },
      applyResources: {
        roles: writers, deadline: 20_000, maxBytes: MOST_BYTES, traced: true,
        handle: (request: runtime.ApplyResourcesRequest, { principal }: Call) => apply(named(services, request.service), request.resources, principal.name),
      },
      listResources: {
        roles: [...readers, 'service'], deadline: 5_000,
        handle: async ({ service, kind }: runtime.ListResourcesRequest): Promise<runtime.ListResourcesResponse> => {
          const rows = await current(named(services, service).database, kind === '' ? undefined : kind);
          return { resources: rows.map(({ spec, ...row }) => ({ ...row, specJson: spec })) };
        },
      },
    },
  };
}

/** Judges a bundle and says what it would change; nothing is written. */
export async function check(service: RunningService, bundle: runtime.Resource[]): Promise<runtime.CheckResourcesResponse> {
  const { shaped, problems } = await checked(service, bundle);
  return { problems, changes: (await plan(service.database, shaped)).map(({ change }) => change) };
}

/** Applies the service's own kinds, all in one transaction. Errors: `invalid` with every problem; then nothing is written. */
export async function apply(service: RunningService, bundle: runtime.Resource[], by: string): Promise<runtime.ApplyResourcesResponse> {
  const { shaped, problems } = await checked(service, bundle);
  if (problems.length > 0) {
    throw invalid(`${service.name} does not accept the bundle: ${problems.length === 1 ? 'a problem' : `${problems.length} problems`}. First: ${problems[0].kind} "${problems[0].name}" ${problems[0].path}: ${problems[0].message}`, {
      reason: 'RESOURCE_PROBLEMS',
      problems: problems.map(({ kind, name, path, message, expected, got, hint }) => ({ field: `${kind}/${name}${path}`, message, ...(expected && { expected }), ...(got && { got }), ...(hint && { hint }) })),
    });
  }
  const changes = await service.database.transaction(async (tx) => {
    // One at a time: two that read the same version would both write the next one.
    await tx.query('SELECT pg_advisory_xact_lock($1, 0)', [RESOURCE_LOCK]);
    const planned = await plan(tx, shaped);
    for (const { change, resource } of planned) {
      if (change.action === runtime.Action.NONE) continue;
      const { kind, name, spec, owner, parsed } = resource;
      const text = canonicalJson(spec);
      await tx.query('INSERT INTO resource (kind, name, version, spec, digest, applied_at, applied_by) VALUES ($1, $2, $3, $4, $5, $6, $7)',
        [kind, name, change.version, text, sha256(text), tx.now, by]);
      await owner.applied(service.deps, { name, spec: parsed, version: change.version }, tx);
    }
    return planned.map(({ change }) => change);
  });
  return { changes };
}

const checked = ({ definition, deps }: RunningService, bundle: runtime.Resource[]): Promise<Checked> => checkBundle(definition, deps, bundle);

async function plan(q: Queryable, shaped: Shaped[]): Promise<{ change: runtime.Change; resource: Shaped }[]> {
  const known = new Map((await current(q)).map((row) => [JSON.stringify([row.kind, row.name]), row]));
  return shaped.map((resource) => {
    const { kind, name, spec } = resource;
    const row = known.get(JSON.stringify([kind, name]));
    const fields = differences(row && (JSON.parse(row.spec) as unknown), spec);
    const action = !row ? runtime.Action.CREATE : fields.length > 0 ? runtime.Action.UPDATE : runtime.Action.NONE;
    const notes = action === runtime.Action.UPDATE ? notesOf(resource, JSON.parse(row!.spec)) : [];
    return { resource, change: { kind, name, action, fields, version: (row?.version ?? 0) + (action === runtime.Action.NONE ? 0 : 1), notes } };
  });
}

function notesOf({ owner, parsed }: Shaped, spec: unknown): string[] {
  // What an older version of the platform took in may have another shape.
  const before = owner.schema.safeParse(spec);
  return before.success ? owner.notes?.(before.data, parsed) ?? [] : [];
}

/** The newest version of each resource. */
function current(q: Queryable, kind?: string): Promise<Row[]> {
  return q.query<Row>(
    `SELECT DISTINCT ON (kind, name) kind, name, version, spec FROM resource
     WHERE $1::text IS NULL OR kind = $1 ORDER BY kind, name, version DESC`, [kind ?? null]);
}
