export * from './generated/rhei/training/v1/events';
export * from './generated/rhei/training/v1/training_service';
