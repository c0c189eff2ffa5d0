import type { Queryable } from '@rhei/messaging';
import { annotate, linkTo } from '@rhei/runtime';
import { tracesOf } from './model.store';

/** What a person does to a version is a trace of its own: it is linked to those in which the version came about. */
export async function joinTraces(tx: Queryable, model: string, version: number): Promise<void> {
  annotate(() => ({ 'rhei.model.name': model, 'rhei.model.version': version }));
  for (const traceparent of await tracesOf(tx, model, version)) linkTo(traceparent);
}
