export * from './canonical';
export { compile, DEFAULT_LIMITS, type CompileOptions, type Expression, type Limits, type ResultType } from './expression';
export { ExpressionError, positionAt, type ExpressionErrorCode, type ExpressionProblem, type Position } from './expression-error';
export type { Demands } from './demands';
export { compareSchemas, type Loosened, type SchemaChange } from './schema-change';
export { dataTypeOf } from './schema-type';
export * from './time';
export type { FieldType, ScalarType } from './types';
