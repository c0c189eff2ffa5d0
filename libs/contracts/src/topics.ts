/**
 * The map of the system: who says what to whom. One row per event.
 *
 * A test holds that every consumer named here has its `on-<event>.ts`, and that every such file is named here.
 */
import * as feature from './generated/rhei/feature/v1/events';
import * as ingestion from './generated/rhei/ingestion/v1/events';
import * as monitoring from './generated/rhei/monitoring/v1/events';
import * as registry from './generated/rhei/registry/v1/events';
import * as serving from './generated/rhei/serving/v1/events';
import * as training from './generated/rhei/training/v1/events';

export const serviceNames = ['ingestion', 'feature', 'training', 'registry', 'serving', 'monitoring'] as const;
export type ServiceName = (typeof serviceNames)[number];

/** `shared`: one replica of the service acts. `broadcast`: every replica acts. */
export type Delivery = 'shared' | 'broadcast';

/** Writes and reads one event's protobuf bytes. */
export interface Codec<T> {
  encode(message: T): { finish(): Uint8Array };
  decode(input: Uint8Array): T;
}

export interface EventRow<T> {
  /** CloudEvents `type`. */
  type: string;
  topic: TopicName;
  /** What the key is; order holds per key across the event types of a topic. */
  key: string;
  from: ServiceName;
  to: Partial<Record<ServiceName, Delivery>>;
  codec: Codec<T>;
}

/** Partitions of each topic: more where the rate asks for it. Key shards of a batching topic are its partitions. */
export const topics = {
  'ingestion.sources': { partitions: 1 },
  'ingestion.records': { partitions: 2 },
  'feature.sets': { partitions: 1 },
  'feature.labels': { partitions: 2 },
  'feature.training-sets': { partitions: 1 },
  'training.plans': { partitions: 1 },
  'training.runs': { partitions: 1 },
  'registry.models': { partitions: 1 },
  'serving.deployments': { partitions: 1 },
  'serving.predictions': { partitions: 2 },
  'monitoring.monitors': { partitions: 1 },
} as const satisfies Record<string, { partitions: number }>;
export type TopicName = keyof typeof topics;

const event = <T>(row: EventRow<T>): EventRow<T> => row;

export const events = {
  SourceApplied: event<ingestion.SourceApplied>({
    type: 'rhei.ingestion.source-applied.v1', topic: 'ingestion.sources', key: 'source',
    from: 'ingestion', to: { feature: 'shared' }, codec: ingestion.SourceApplied,
  }),
  RecordAccepted: event<ingestion.RecordAccepted>({
    type: 'rhei.ingestion.record-accepted.v1', topic: 'ingestion.records', key: 'shard',
    from: 'ingestion', to: { feature: 'shared' }, codec: ingestion.RecordAccepted,
  }),
  ArrivalsClosed: event<ingestion.ArrivalsClosed>({
    type: 'rhei.ingestion.arrivals-closed.v1', topic: 'ingestion.records', key: 'shard',
    from: 'ingestion', to: { feature: 'shared' }, codec: ingestion.ArrivalsClosed,
  }),
  FeatureSetApplied: event<feature.FeatureSetApplied>({
    type: 'rhei.feature.feature-set-applied.v1', topic: 'feature.sets', key: 'feature set',
    from: 'feature', to: { training: 'shared', serving: 'shared', monitoring: 'shared' }, codec: feature.FeatureSetApplied,
  }),
  ExampleLabelled: event<feature.ExampleLabelled>({
    type: 'rhei.feature.example-labelled.v1', topic: 'feature.labels', key: 'shard',
    from: 'feature', to: { training: 'shared', serving: 'shared', monitoring: 'shared' }, codec: feature.ExampleLabelled,
  }),
  TrainingSetBuilt: event<feature.TrainingSetBuilt>({
    type: 'rhei.feature.training-set-built.v1', topic: 'feature.training-sets', key: 'training set',
    from: 'feature', to: { training: 'shared' }, codec: feature.TrainingSetBuilt,
  }),
  TrainingPlanApplied: event<training.TrainingPlanApplied>({
    type: 'rhei.training.training-plan-applied.v1', topic: 'training.plans', key: 'plan',
    from: 'training', to: { monitoring: 'shared' }, codec: training.TrainingPlanApplied,
  }),
  RunCompleted: event<training.RunCompleted>({
    type: 'rhei.training.run-completed.v1', topic: 'training.runs', key: 'model',
    from: 'training', to: { registry: 'shared' }, codec: training.RunCompleted,
  }),
  RunFailed: event<training.RunFailed>({
    type: 'rhei.training.run-failed.v1', topic: 'training.runs', key: 'model',
    from: 'training', to: { monitoring: 'shared' }, codec: training.RunFailed,
  }),
  ModelApplied: event<registry.ModelApplied>({
    type: 'rhei.registry.model-applied.v1', topic: 'registry.models', key: 'model',
    from: 'registry', to: { training: 'shared', serving: 'shared' }, codec: registry.ModelApplied,
  }),
  ModelVersionRegistered: event<registry.ModelVersionRegistered>({
    type: 'rhei.registry.model-version-registered.v1', topic: 'registry.models', key: 'model',
    from: 'registry', to: { training: 'shared', monitoring: 'shared' }, codec: registry.ModelVersionRegistered,
  }),
  ModelVersionPromoted: event<registry.ModelVersionPromoted>({
    type: 'rhei.registry.model-version-promoted.v1', topic: 'registry.models', key: 'model',
    from: 'registry', to: { serving: 'broadcast', training: 'shared' }, codec: registry.ModelVersionPromoted,
  }),
  DeploymentApplied: event<serving.DeploymentApplied>({
    type: 'rhei.serving.deployment-applied.v1', topic: 'serving.deployments', key: 'deployment',
    from: 'serving', to: { serving: 'broadcast', monitoring: 'shared' }, codec: serving.DeploymentApplied,
  }),
  TrafficShifted: event<serving.TrafficShifted>({
    type: 'rhei.serving.traffic-shifted.v1', topic: 'serving.deployments', key: 'deployment',
    from: 'serving', to: { registry: 'shared', monitoring: 'shared' }, codec: serving.TrafficShifted,
  }),
  TrafficPlanned: event<serving.TrafficPlanned>({
    type: 'rhei.serving.traffic-planned.v1', topic: 'serving.deployments', key: 'deployment',
    from: 'serving', to: { serving: 'broadcast' }, codec: serving.TrafficPlanned,
  }),
  TrafficRolledBack: event<serving.TrafficRolledBack>({
    type: 'rhei.serving.traffic-rolled-back.v1', topic: 'serving.deployments', key: 'deployment',
    from: 'serving', to: { registry: 'shared', monitoring: 'shared' }, codec: serving.TrafficRolledBack,
  }),
  PredictionServed: event<serving.PredictionServed>({
    type: 'rhei.serving.prediction-served.v1', topic: 'serving.predictions', key: 'shard',
    from: 'serving', to: { feature: 'shared', serving: 'shared', monitoring: 'shared' }, codec: serving.PredictionServed,
  }),
  // Nobody inside needs it: people and other systems do.
  DriftDetected: event<monitoring.DriftDetected>({
    type: 'rhei.monitoring.drift-detected.v1', topic: 'monitoring.monitors', key: 'monitor',
    from: 'monitoring', to: {}, codec: monitoring.DriftDetected,
  }),
  RetrainingRequested: event<monitoring.RetrainingRequested>({
    type: 'rhei.monitoring.retraining-requested.v1', topic: 'monitoring.monitors', key: 'monitor',
    from: 'monitoring', to: { training: 'shared' }, codec: monitoring.RetrainingRequested,
  }),
  RollbackRequested: event<monitoring.RollbackRequested>({
    type: 'rhei.monitoring.rollback-requested.v1', topic: 'monitoring.monitors', key: 'monitor',
    from: 'monitoring', to: { serving: 'shared' }, codec: monitoring.RollbackRequested,
  }),
  PromotionJudged: event<monitoring.PromotionJudged>({
    type: 'rhei.monitoring.promotion-judged.v1', topic: 'monitoring.monitors', key: 'monitor',
    from: 'monitoring', to: { registry: 'shared' }, codec: monitoring.PromotionJudged,
  }),
};

export type EventName = keyof typeof events;
export type Payload<N extends EventName> = (typeof events)[N] extends EventRow<infer T> ? T : never;

/** The name of the event with this CloudEvents type, if this version knows it. */
export function eventNamed(type: string): EventName | undefined {
  return byType.get(type);
}
const byType = new Map((Object.keys(events) as EventName[]).map((name) => [events[name].type, name]));

/** The events that `service` hears in this way, by topic. */
export function heardBy(service: ServiceName, delivery: Delivery): EventName[] {
  return (Object.keys(events) as EventName[]).filter((name) => events[name].to[service] === delivery);
}
