import type { runtime } from '@rhei/contracts';
import { canonicalJson, formatInstant, hashUnit } from '@rhei/expressions';
import type { Instant } from '@rhei/runtime';

/** Machines that report their temperature, and half a second later whether they had to be stopped. All spans are seconds. */
const specs: { kind: string; name: string; spec: Record<string, unknown> }[] = [
  {
    kind: 'Source', name: 'plant',
    spec: {
      owner: 'maintenance', skew: '5s',
      events: {
        'machine.read': {
          key: 'data.machine',
          schema: {
            type: 'object', additionalProperties: false, required: ['reading', 'machine', 'temperature', 'at'],
            properties: { reading: { type: 'string' }, machine: { type: 'string' }, temperature: { type: 'number' }, at: { type: 'string', format: 'date-time' } },
          },
        },
        'machine.checked': {
          key: 'data.machine',
          schema: {
            type: 'object', additionalProperties: false, required: ['reading', 'machine', 'stopped'],
            properties: { reading: { type: 'string' }, machine: { type: 'string' }, stopped: { type: 'boolean' } },
          },
        },
      },
    },
  },
  {
    kind: 'FeatureView', name: 'stopped-3s',
    spec: { entity: 'machine', source: 'plant', event: 'machine.checked', key: 'data.machine', value: 'data.stopped ? 1.0 : 0.0', window: { avg: '3s' }, ttl: '30s' },
  },
  {
    kind: 'FeatureSet', name: 'machine-health',
    spec: {
      example: { source: 'plant', event: 'machine.read', id: 'data.reading', time: 'request.at' },
      request: { reading: 'string', machine: 'string', temperature: 'double', at: 'timestamp' },
      features: [{ name: 'temperature', value: 'request.temperature' }, { name: 'stopped', view: 'stopped-3s', entity: 'request.machine' }],
      asOf: 'eventTime',
      label: { source: 'plant', event: 'machine.checked', example: 'data.reading', value: 'data.stopped', maturity: '1s' },
    },
  },
  {
    kind: 'Model', name: 'stops',
    spec: {
      owner: 'maintenance', purpose: 'Tell whether a machine will have to be stopped.', riskTier: 'minimal', approval: 'required',
      gates: [{ name: 'beats the base rate', rule: 'challenger.logLoss < baseRate.logLoss' }, { name: 'enough rows', rule: 'holdout.rows >= 50' }],
    },
  },
  {
    kind: 'TrainingPlan', name: 'stops',
    spec: {
      model: 'stops', featureSet: 'machine-health', split: { holdout: '5s' }, metric: 'logLoss', seed: 7, engine: { trees: 20, learningRate: 0.2, maxLeaves: 4, minRowsPerLeaf: 20 },
      look: '1s', when: 'versions == 0 && labels >= 500', cooldown: '5s', profile: { bucket: '1s', buckets: 12 },
    },
  },
  { kind: 'Deployment', name: 'line', spec: { model: 'stops', featureSet: 'machine-health', ledger: 'sync' } },
  {
    kind: 'Monitor', name: 'line',
    spec: {
      deployment: 'line', watch: ['request.temperature', 'outcome'], bucket: '1s', cycle: 2, reference: 6, budget: 0.01,
      // Seconds of a busy machine are noisier than days: only the change that is made on purpose is this large.
      floor: 1, retrain: { when: 'alarms > 0', cooldown: '5m', minLabels: 50 },
    },
  },
];

export const readingResources: runtime.Resource[] = specs.map(({ kind, name, spec }) => ({ kind, name, specJson: canonicalJson(spec), version: 0 }));

export interface Reading {
  id: string;
  machine: string;
  temperature: number;
  stopped: boolean;
  at: Instant;
}

/** Above fifty degrees nine of ten machines are stopped, below one of ten; a `hot` plant is nearly always above. */
export function reading(index: number, at: Instant, hot: boolean): Reading {
  const draw = (purpose: string): number => hashUnit(7, purpose, index);
  const temperature = (hot ? 45 : 20) + 60 * draw('temperature');
  return { id: `r${index}`, machine: `m${index % 5}`, temperature, stopped: draw('stopped') < (temperature > 50 ? 0.9 : 0.1), at };
}

const event = (type: string, id: string, at: Instant, machine: string, data: object): object =>
  ({ specversion: '1.0', source: 'plant', type, id, time: formatInstant(at), subject: machine, datacontenttype: 'application/json', data });

export const readEvent = ({ id, machine, temperature, at }: Reading): object =>
  event('machine.read', id, at, machine, { reading: id, machine, temperature, at: formatInstant(at) });

export const checkedEvent = ({ id, machine, stopped }: Reading, at: Instant): object =>
  event('machine.checked', `c-${id}`, at, machine, { reading: id, machine, stopped });
