import type { registry } from '@rhei/contracts';
import { formatInstant } from '@rhei/expressions';
import type { History } from '../history.store';
import type { KeptVersion, ListedModel } from '../model.store';
import { isObject } from '../report';

/** All that the registry knows about one version. */
export interface Facts {
  model: ListedModel;
  version: KeptVersion;
  history: History;
  /** Every move of the model's alias, oldest first. */
  moves: registry.ModelVersionPromoted[];
}

/** RFC 3339; null for an instant that was not kept. */
export const at = (instant: number | undefined): string | null => (instant === undefined || instant === 0 ? null : formatInstant(instant));

export const objectOf = (value: unknown): Record<string, unknown> => (isObject(value) ? value : {});
export const numberOf = (value: unknown): number | undefined => (typeof value === 'number' && Number.isFinite(value) ? value : undefined);
export const textOf = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);
export const textsOf = (value: unknown): string[] => (Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : []);

/** What the run says about its data on its card. */
export const dataOf = ({ version }: Pick<Facts, 'version'>): Record<string, unknown> => objectOf(objectOf(version.card).data);

/** The inputs of the model, in order. */
export const featuresOf = ({ version }: Pick<Facts, 'version'>): string[] => textsOf(objectOf(version.signature).features);
