export * from './event-log';
export * from './transaction';
