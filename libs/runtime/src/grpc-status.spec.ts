import { Metadata, status as Grpc, type ServiceError } from '@grpc/grpc-js';
import { errorCodes, invalid, overloaded, RheiError, status as rpc } from '@rhei/contracts';
import { errorTable } from './error-table';
import { errorFrom, statusOf } from './grpc-status';

const asServiceError = ({ code, details, metadata }: ReturnType<typeof statusOf>): ServiceError => Object.assign(new Error(details), { code, details, metadata }) as ServiceError;
const detailsOf = (error: RheiError) => rpc.Status.decode(statusOf(error).metadata?.get('grpc-status-details-bin')[0] as Buffer);

describe('an error on its way through gRPC', () => {
  it.each(errorCodes)('keeps the code %s, its text and its details', (code) => {
    const error = new RheiError(code, 'The thing is not so.', {
      reason: 'ID_REUSED', field: 'id', rule: 'one id, one content', expected: 'a new id', got: '"7"', hint: 'Take another.', retryAfter: 1500, problems: [{ field: 'a', message: 'no', expected: '1', got: '2' }],
    });
    const back = errorFrom(asServiceError(statusOf(error)), 'x');
    expect({ code: back.code, message: back.message, details: back.details }).toEqual({ code, message: error.message, details: error.details });
    expect(statusOf(error).code).toBe(errorTable[code].grpc);
  });
  it('tells any client the delay and the fields by google.rpc messages', () => {
    expect(detailsOf(overloaded('Full.', { retryAfter: 2500 })).details.map(({ typeUrl }) => typeUrl.split('.').at(-1))).toEqual(['ErrorInfo', 'RetryInfo']);
    expect(detailsOf(invalid('No.', { field: 'hour' })).details.map(({ typeUrl }) => typeUrl.split('.').at(-1))).toEqual(['ErrorInfo', 'BadRequest']);
  });
  it('leaves problems out rather than send headers that a peer refuses', () => {
    const problems = Array.from({ length: 500 }, (_, index) => ({ field: `f${index}`, message: 'x'.repeat(50) }));
    const [bytes] = statusOf(invalid('Many.', { problems })).metadata?.get('grpc-status-details-bin') ?? [];
    expect((bytes as Buffer).length).toBeLessThan(5_001);
    expect(errorFrom(asServiceError(statusOf(invalid('Many.', { problems }))), 'x').details.problems?.length).toBeGreaterThan(5);
  });
  it('reads the status of a server that knows nothing of the table', () => {
    const foreign = { code: Grpc.UNAVAILABLE, details: 'No connection', metadata: new Metadata() } as ServiceError;
    expect(errorFrom(foreign, 'getFeatures')).toMatchObject({ code: 'unavailable', message: 'getFeatures: No connection' });
  });
});
