import type { Bundle } from '@rhei/runtime';
import type { Definitions } from '../definitions.store';
import { compileSet, featureSetSpec } from '../set/feature-set';
import { compileView, featureViewSpec } from '../view/feature-view';
import type { SourceSpec } from './contract';
import { contractProblems } from './contract-change';

const schema = { type: 'object', additionalProperties: false, required: ['order'], properties: { order: { type: 'string' }, shop: { type: 'string' }, total: { type: 'number' }, note: { type: 'string' } } };
const contract = (change: object = {}, more: object = {}) => ({ owner: 'ops', events: { sold: { key: 'data.order', schema, ...change }, paid: { key: 'data.order', schema }, ...more } }) as unknown as Record<string, unknown>;
const with_ = (properties: Record<string, unknown>, more: object = {}) => ({ schema: { ...schema, properties: Object.fromEntries(Object.entries({ ...schema.properties, ...properties }).filter(([, inner]) => inner !== undefined)), ...more } });
const viewSpec = (change: object = {}) => featureViewSpec.parse({ entity: 'shop', source: 'till', event: 'sold', key: 'data.shop', value: 'data.total', window: { sum: '1d' }, ...change });
const setSpec = (change: object = {}) => featureSetSpec.parse({
  example: { source: 'till', event: 'sold', id: 'data.order' }, request: { order: 'string' }, features: [{ name: 'one', value: '1.0' }],
  label: { source: 'till', event: 'paid', example: 'data.order', value: 'data.total > 5.0', maturity: '1d' }, ...change,
});
const knownOf = (views: object[] = [viewSpec()], sets: object[] = [setSpec()], source = contract()): Definitions => ({
  sources: new Map([['till', source as SourceSpec]]),
  views: new Map(views.map((spec, index) => [`view-${index}`, compileView(`view-${index}`, 1, spec as never, [])])),
  sets: new Map(sets.map((spec, index) => [`set-${index}`, compileSet(`set-${index}`, 1, spec as never)])),
  set: () => undefined,
});
const problems = (after: Record<string, unknown>, known = knownOf(), others: Record<string, object> = {}) => {
  const bundle: Bundle = { find: (kind, name) => (kind === 'Source' ? (name === 'till' ? after : undefined) : (others[`${kind}/${name}`] as Record<string, unknown> | undefined)) };
  return contractProblems('till', after, known, bundle).map(({ path, message }) => `${path}: ${message}`);
};
const open = { additionalProperties: true };

describe('a new contract of a source', () => {
  it('passes where nothing that is read goes away', () => {
    expect(problems(contract())).toEqual([]);
    expect(problems(contract(with_({ gate: { type: 'string' }, note: { type: ['string', 'null'] } })))).toEqual([]);
    expect(problems(contract(with_({ note: undefined })))).toEqual([]);
    expect(problems(contract({ key: 'id' }))).toEqual([]);
    expect(problems(contract({ identity: 'data.order', revision: '1' }))).toEqual([]);
    expect(problems(contract(with_({ total: undefined })), { ...knownOf(), sources: new Map() })).toEqual([]);
  });

  it('names who reads a property that is gone, in which expression', () => {
    expect(problems(contract(with_({ total: undefined })))).toEqual(['/spec/events/sold/schema: FeatureView "view-0" reads data.total of "sold" in /spec/value (data.total): it is gone']);
    expect(problems(contract(with_({ order: undefined }, { required: [] })))).toEqual([
      '/spec/events/sold/schema: FeatureSet "set-0" reads data.order of "sold" in /spec/example/id (data.order): it is gone', '/spec/events/sold/schema: FeatureSet "set-0" reads data.order of "sold" in /spec/request/order (data.order): it is gone',
    ]);
  });

  it('sees it in an open object too, and in what is read by a text', () => {
    const known = (value: string) => knownOf([viewSpec({ value })], [], contract(with_({}, open)));
    expect(problems(contract(with_({ total: undefined }, open)), known('data.total'))).toHaveLength(1);
    expect(problems(contract(with_({ total: undefined }, open)), known(`double(data['total'])`))).toHaveLength(1);
    expect(problems(contract(with_({ total: undefined }, open)), known(`'note' in data`))).toEqual([]);
  });

  it('names who reads a property of another type, or an event that is gone', () => {
    expect(problems(contract(with_({ total: { type: 'string' } })))[0]).toContain('FeatureView "view-0" reads data.total of "sold" in /spec/value (data.total): its type changes from number to string');
    const { sold: _, ...events } = contract().events as Record<string, unknown>;
    expect(problems({ owner: 'ops', events })).toEqual(['/spec/events: FeatureView "view-0" reads "sold", which is gone', '/spec/events: FeatureSet "set-0" reads "sold", which is gone']);
  });

  describe('that promises less', () => {
    const required = (names: string[], more: object = {}) => contract(with_({}, { required: names, ...more }));
    const known = (view: object) => knownOf([viewSpec(view)], [], required(['order', 'shop', 'total']));
    const loosened = (view: object, properties: object, names = ['order', 'shop', 'total']) => problems(contract(with_(properties as Record<string, unknown>, { required: names })), known(view));
    const hints = (view: object, after: Record<string, unknown>) => contractProblems('till', after, known(view), { find: (kind) => (kind === 'Source' ? after : undefined) }).map(({ hint }) => hint);

    it('names who reads without has() what may be left out', () => {
      expect(loosened({}, {}, ['order', 'shop'])).toEqual(['/spec/events/sold/schema: FeatureView "view-0" reads data.total of "sold" in /spec/value (data.total): it may be left out now, and nothing asks before whether it is there']);
      expect(hints({}, required(['order', 'shop']))).toEqual(['Safe is has(data.total) ? data.total : …; or keep the field as it was.']);
      expect(loosened({ filter: 'data.total > 1.0' }, {}, ['order', 'shop'])).toHaveLength(2);
    });

    it('passes where a reader asks, also in its filter, or reads something else', () => {
      expect(loosened({ value: 'has(data.total) ? data.total : 0.0' }, {}, ['order', 'shop'])).toEqual([]);
      expect(loosened({ filter: 'has(data.total) && data.total > 1.0' }, {}, ['order', 'shop'])).toEqual([]);
      expect(loosened({}, {}, ['shop', 'total'])).toEqual([]);
    });

    it('names who computes with what may be of another type, or null', () => {
      expect(loosened({}, { total: { type: ['number', 'string'] } })).toEqual(['/spec/events/sold/schema: FeatureView "view-0" reads data.total of "sold" in /spec/value (data.total): its type is wider from number to number or string, and nothing asks before whether it is of type string']);
      expect(loosened({}, { total: { type: ['number', 'null'] } })[0]).toContain('its type is wider from number to number or null, and nothing asks before whether it is null');
      expect(hints({}, contract(with_({ total: { type: ['number', 'null'] } }, { required: ['order', 'shop', 'total'] })))).toEqual(['Safe is type(data.total) == double ? data.total : 0.0; or keep the field as it was.'.replace('0.0', '…')]);
    });

    it('passes where every reader can do with what may come', () => {
      expect(loosened({ value: 'double(data.total)' }, { total: { type: ['number', 'string'] } })).toEqual([]);
      expect(loosened({ value: 'type(data.total) == double ? data.total : 0.0' }, { total: { type: ['number', 'string', 'null'] } })).toEqual([]);
      expect(loosened({ window: { distinct: '1d' } }, { total: { type: ['number', 'string'] } })).toEqual([]);
      expect(loosened({ value: 'data.total == 5.0 ? 1.0 : 0.0' }, { total: { type: ['number', 'null'] } })).toEqual([]);
    });

    it('takes a whole number that becomes any number, but not where a request must have a whole one', () => {
      const whole = (type: string) => contract(with_({ total: { type } }, { required: ['order', 'total'] }));
      expect(problems(whole('number'), knownOf([viewSpec()], [], whole('integer')))).toEqual([]);
      expect(problems(whole('number'), knownOf([], [setSpec({ request: { total: 'int' } })], whole('integer')))[0]).toContain('FeatureSet "set-0" reads data.total of "sold" in /spec/request/total');
      expect(problems(whole('number'), knownOf([], [setSpec({ request: { total: 'double' } })], whole('integer')))).toEqual([]);
    });

    it('names who looks something up by what may hold more values', () => {
      const gate = (...values: string[]) => contract(with_({ gate: { enum: values } }));
      const by = (value: string) => problems(gate('A', 'B'), knownOf([viewSpec({ value })], [], gate('A')));
      expect(by(`{'A': 1.0}[data.gate]`)[0]).toContain('"B" may stand there too, and something is looked up by it, and "B" may find nothing');
      expect(by(`data.gate in {'A': 1.0} ? {'A': 1.0}[data.gate] : 0.0`)).toEqual([]);
      expect(by(`data.gate == 'A' ? 1.0 : 0.0`)).toEqual([]);
    });

    it('sees it below an object, and in an open one', () => {
      const leg = (from: object, more: object = {}) => contract(with_({ leg: { type: 'object', required: ['from'], properties: { from }, ...more } }, open));
      const by = (value: string, after: Record<string, unknown>) => problems(after, knownOf([viewSpec({ value })], [], leg({ type: 'number' })));
      expect(by('data.leg.from', leg({ type: ['number', 'string'] }))).toHaveLength(1);
      expect(by('data.leg.from', leg({ type: 'number' }, { required: [] }))).toHaveLength(1);
      expect(by('double(data.leg.from)', leg({ type: ['number', 'string'] }))).toEqual([]);
    });

    it('sees it in a list, also where its items are no longer described', () => {
      const legs = (items?: object) => contract(with_({ legs: { type: 'array', ...(items && { items }) } }, { required: ['legs'] }));
      const by = (value: string) => problems(legs(), knownOf([viewSpec({ value })], [], legs({ type: 'number' })));
      expect(by('data.legs[0]')).toEqual(['/spec/events/sold/schema: FeatureView "view-0" reads data.legs[] of "sold" in /spec/value (data.legs[0]): its type is wider from number to any, and nothing asks before whether it is null or of type boolean or of type object or of type array or of type string']);
      expect(by('double(size(data.legs))')).toEqual([]);
    });
  });

  it('names who would read records with another meaning', () => {
    expect(problems(contract({ key: 'id' }), knownOf([viewSpec({ key: 'key' })], []))).toEqual(['/spec/events/sold/key: FeatureView "view-0" reads "sold", whose key becomes id']);
    expect(problems(contract({ identity: 'id' }), knownOf(undefined, [], contract({ identity: 'data.order' })))).toEqual(['/spec/events/sold/identity: FeatureView "view-0" reads "sold", whose identity becomes id']);
  });

  it('judges what the bundle replaces in its new form', () => {
    const after = contract(with_({ total: undefined, amount: { type: 'number' } }));
    expect(problems(after, knownOf(), { 'FeatureView/view-0': viewSpec({ value: 'data.amount' }) })).toEqual([]);
    expect(problems(after, knownOf(), { 'FeatureView/view-0': viewSpec() })).toHaveLength(1);
    expect(problems(after, knownOf(), { 'FeatureView/other': viewSpec({ value: 'data.amount' }) })).toHaveLength(1);
  });
});
