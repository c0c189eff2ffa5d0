/** The part of google.rpc that travels in `grpc-status-details-bin`. */
export { BadRequest, ErrorInfo, RetryInfo, Status } from './generated/google/rpc/error_details';
