import type { EventName, Payload, TopicName } from '@rhei/contracts';

/** An event as a handler gets it. */
export interface Delivered<N extends EventName = EventName> {
  id: string;
  /** CloudEvents type. */
  type: string;
  name: N;
  key: string;
  /** Business instant at which it was emitted, µs. */
  time: number;
  topic: TopicName;
  partition: number;
  offset: number;
  headers: Record<string, string>;
  traceparent: string | undefined;
  payload: Payload<N>;
}

/** Wraps the handling of one event: context of logs and traces. Must call `run` exactly once and pass its rejection on. */
export type Around = (event: Delivered, run: () => Promise<void>) => Promise<void>;

/** What a consumer did since it started. Numbers only grow. */
export interface ConsumerCounters {
  handled: number;
  duplicates: number;
  /** Of a type that this service does not hear. */
  skipped: number;
  dead: number;
  parked: number;
  /** Attempts that failed and were repeated. */
  retried: number;
}
