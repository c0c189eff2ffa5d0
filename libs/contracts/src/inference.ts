export * from './generated/inference/grpc_service';
