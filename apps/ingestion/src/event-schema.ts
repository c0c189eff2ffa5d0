import { Ajv, type ErrorObject, type Options, type ValidateFunction } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020';
import { show } from './cloud-event';
import { formats } from './formats';
import { vetSchema, type SchemaProblem } from './schema-rules';

/** What a value breaks: `field` is written as an expression would name it (`data.legs[0].origin`), `rule` is the keyword. */
export interface SchemaFault {
  field: string;
  rule: string;
  expected: string;
  got: string;
}
/** Judges `data`: its first fault, or undefined. */
export type EventSchema = (data: unknown) => SchemaFault | undefined;

const options: Options = {
  strictSchema: true, strictNumbers: true, strictTypes: false, strictTuples: false, strictRequired: false,
  // With all errors an array of a million wrong items would make a million errors.
  allErrors: false,
  ownProperties: true, validateFormats: true, logger: false, messages: false, verbose: true,
};

/**
 * Compiles the JSON Schema (2020-12; draft-07 where `$schema` says so) of an event's data.
 * @returns the schema, or all its faults; a path is a JSON pointer into the schema
 */
export function compileSchema(schema: unknown): EventSchema | SchemaProblem[] {
  const problems = vetSchema(schema);
  if (problems.length > 0) return problems;
  const { $id: _, ...body } = schema as Record<string, unknown>;
  const draft07 = String(body.$schema ?? '').includes('draft-07');
  const ajv = draft07 ? new Ajv(options) : new Ajv2020(options);
  for (const [name, validate] of Object.entries(formats)) ajv.addFormat(name, { type: 'string', validate });
  let validate: ValidateFunction;
  try {
    if (ajv.validateSchema(body) !== true) return (ajv.errors ?? []).slice(0, 20).map(metaProblem);
    validate = ajv.compile(body);
  } catch (error) {
    return [compileProblem((error as Error).message)];
  }
  return (data) => (validate(data) === true ? undefined : faultOf((validate.errors ?? [])[0], data));
}

function metaProblem({ instancePath, keyword, params }: ErrorObject): SchemaProblem {
  return { path: instancePath, message: 'This is no valid JSON Schema.', expected: expectedBy(keyword, params) };
}

function compileProblem(message: string): SchemaProblem {
  const unknownFormat = /^unknown format "(.*)" ignored in schema at path "#?(.*)"$/.exec(message);
  if (unknownFormat) return { path: `${unknownFormat[2]}/format`, message: 'The format is unknown.', expected: Object.keys(formats).join(', '), got: unknownFormat[1] };
  return { path: '', message: `The schema cannot be compiled: ${message.replace(/^strict mode: /, '')}.`, hint: 'Use the keywords of JSON Schema 2020-12 (or draft-07, said in $schema).' };
}

function faultOf(error: ErrorObject | undefined, data: unknown): SchemaFault {
  if (error === undefined) return { field: 'data', rule: 'schema', expected: 'data that meets the schema', got: show(data) };
  const { keyword, params, instancePath } = error;
  const inner = (params.missingProperty ?? params.additionalProperty ?? params.unevaluatedProperty ?? params.propertyName) as string | undefined;
  const field = fieldOf(instancePath, inner);
  const got = keyword === 'required' || keyword === 'dependentRequired' ? 'nothing'
    : inner !== undefined ? show((error.data as Record<string, unknown>)[inner])
    : show(error.data);
  return { field, rule: keyword, expected: expectedBy(keyword, params), got };
}

function fieldOf(pointer: string, inner: string | undefined): string {
  const parts = pointer.split('/').slice(1).map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
  if (inner !== undefined) parts.push(inner);
  return parts.reduce((path, part) => (/^\d+$/.test(part) ? `${path}[${part}]` : /^[A-Za-z_]\w*$/.test(part) ? `${path}.${part}` : `${path}[${show(part)}]`), 'data');
}

const comparisons: Readonly<Record<string, string>> = { '>=': 'at least', '<=': 'at most', '>': 'more than', '<': 'less than' };

function expectedBy(keyword: string, params: Record<string, unknown>): string {
  switch (keyword) {
    case 'type': return String(params.type);
    case 'required': case 'dependentRequired': return 'a value';
    case 'additionalProperties': case 'unevaluatedProperties': return 'no field of this name';
    case 'additionalItems': case 'unevaluatedItems': return 'no more items';
    case 'enum': return `one of ${show(params.allowedValues)}`;
    case 'const': return show(params.allowedValue);
    case 'format': return `a text of the format ${String(params.format)}`;
    case 'minLength': return `at least ${String(params.limit)} characters`;
    case 'maxLength': return `at most ${String(params.limit)} characters`;
    case 'minItems': return `at least ${String(params.limit)} items`;
    case 'maxItems': return `at most ${String(params.limit)} items`;
    case 'minProperties': return `at least ${String(params.limit)} fields`;
    case 'maxProperties': return `at most ${String(params.limit)} fields`;
    case 'minimum': case 'maximum': case 'exclusiveMinimum': case 'exclusiveMaximum':
      return `${comparisons[String(params.comparison)]} ${String(params.limit)}`;
    case 'multipleOf': return `a multiple of ${String(params.multipleOf)}`;
    case 'uniqueItems': return 'items that differ';
    case 'oneOf': return 'a value that meets exactly one of the alternatives';
    case 'anyOf': return 'a value that meets one of the alternatives';
    case 'not': return 'a value that does not meet the schema under "not"';
    case 'false schema': return 'no value';
    default: return `a value that meets "${keyword}"`;
  }
}
