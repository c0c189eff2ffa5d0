/** The part of a Source that this service reads; the rest is ingestion's. */
export interface SourceSpec {
  events?: Record<string, { schema?: unknown } | undefined>;
}
