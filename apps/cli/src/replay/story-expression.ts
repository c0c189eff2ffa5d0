import { RheiError } from '@rhei/contracts';
import { compile, ExpressionError, type Expression, type FieldType } from '@rhei/expressions';

/** Compiles an expression of a story. Errors: `invalid`, saying where in the story it stands. */
export function compiled(source: string, where: string, variables: Record<string, FieldType>, returns: 'string' | 'timestamp' | 'bool' | 'dyn'): Expression {
  try {
    return compile(source, { variables, returns });
  } catch (error) {
    if (error instanceof ExpressionError) throw new RheiError('invalid', `The story's ${where}: ${error.message}`);
    throw error;
  }
}
