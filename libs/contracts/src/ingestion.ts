export * from './generated/rhei/ingestion/v1/events';
export * from './generated/rhei/ingestion/v1/ingestion_service';
