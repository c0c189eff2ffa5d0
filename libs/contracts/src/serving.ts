export * from './generated/rhei/serving/v1/events';
export * from './generated/rhei/serving/v1/serving_service';
