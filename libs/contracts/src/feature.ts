export * from './generated/rhei/feature/v1/events';
export * from './generated/rhei/feature/v1/feature_service';
