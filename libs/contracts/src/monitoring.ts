export * from './generated/rhei/monitoring/v1/events';
export * from './generated/rhei/monitoring/v1/monitoring_service';
