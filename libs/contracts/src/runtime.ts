export * from './generated/rhei/runtime/v1/replay_control';
export * from './generated/rhei/runtime/v1/resource_service';
export * from './generated/rhei/runtime/v1/operations_service';
