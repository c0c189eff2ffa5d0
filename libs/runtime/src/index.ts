export * from './auth';
export * from './clock';
export * from './service';
export * from './transaction';
