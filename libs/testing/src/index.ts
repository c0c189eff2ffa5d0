export { testCluster } from './cluster';
export { freshName, openDatabase, type TestDatabase } from './database';
export { eventually } from './eventually';
export * from './instants';
export { startServices, type RunningServices, type StartOptions } from './start-services';
export { makeTokens, testPrincipals } from './tokens';
export { checkSchema, schemaOf } from './schema';
export { startJaeger, startKafka, startMinio, startPostgres, type Contained, type JaegerContainer, type KafkaContainer, type MinioContainer, type PostgresContainer } from './containers';
export { startOtlpSink, type OtlpSink, type SeenSpan } from './otlp-sink';
