import type { ResourceProblem } from '@rhei/runtime';
import { z } from 'zod';
import type { PlanSpec } from './plan-spec';

const featureSet = z.looseObject({
  request: z.record(z.string(), z.string()).default({}),
  features: z.array(z.looseObject({ name: z.string() })).default([]),
});

/**
 * What is wrong with the columns that a plan names, held to the specification of its feature set. A set of another shape is
 * its own service's to refuse.
 */
export function fieldProblems({ split, slices = [], leaks }: PlanSpec, specification: unknown): ResourceProblem[] {
  const { success, data } = featureSet.safeParse(specification);
  if (!success) return [];
  const { request } = data;
  const features = data.features.map(({ name }) => name);
  const all = [...features, ...Object.keys(request).map((field) => `request.${field}`)];
  const known = (path: string, name: string, names: readonly string[]): ResourceProblem[] => (names.includes(name) ? [] : [{
    path, message: `the feature set has no "${name}"`, expected: `one of ${names.join(', ')}`, got: name, hint: 'A feature goes by its name, a request field by request.<field>.',
  }]);
  return [
    ...(split.group === undefined ? [] : known('/spec/split/group', split.group, all)),
    ...slices.flatMap((name, at) => {
      const path = `/spec/slices/${at}`;
      if (request[name.replace(/^request\./, '')] === 'timestamp' && name.startsWith('request.')) return [{ path, message: `"${name}" is a timestamp`, expected: 'a text, truth value or number', got: name }];
      return slices.indexOf(name) < at ? [{ path, message: `"${name}" stands twice`, expected: 'each name once', got: name }] : known(path, name, all);
    }),
    ...(leaks?.allow ?? []).flatMap(({ column, kind }, at) => known(`/spec/leaks/allow/${at}/column`, column, columnsOf[kind](features, all))),
  ];
}

/** The columns in which each kind of leak can be found. */
const columnsOf: Record<NonNullable<PlanSpec['leaks']>['allow'][number]['kind'], (features: string[], all: string[]) => string[]> = {
  power: (features) => features,
  missing: (features) => features,
  future: (_, all) => ['as_of', 'example_time', ...all.filter((name) => name.startsWith('request.'))],
  duplicate: () => ['*'],
  group: (_, all) => all,
};
