export * from './canonical';
export { compile, DEFAULT_LIMITS, type CompileOptions, type Expression, type Limits, type ResultType } from './expression';
export { ExpressionError, positionAt, type ExpressionErrorCode, type ExpressionProblem, type Position } from './expression-error';
export { compareSchemas, type SchemaChange } from './schema-change';
export { dataTypeOf } from './schema-type';
export * from './time';
export type { FieldType, ScalarType } from './types';
