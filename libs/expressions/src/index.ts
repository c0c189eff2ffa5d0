export * from './canonical';
export * from './time';
