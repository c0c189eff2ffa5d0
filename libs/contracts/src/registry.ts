export * from './generated/rhei/registry/v1/events';
export * from './generated/rhei/registry/v1/registry_service';
