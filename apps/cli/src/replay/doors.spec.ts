import { RheiError } from '@rhei/contracts';
import { isAway } from './doors';

describe('a platform that is away', () => {
  it('refuses the connection, or gives no answer in time, by gRPC or by HTTP', () => {
    expect(isAway(new TypeError('fetch failed', { cause: new Error('ECONNREFUSED') }))).toBe(true);
    expect(isAway(new DOMException('The operation was aborted due to timeout', 'TimeoutError'))).toBe(true);
    expect(isAway(new RheiError('deadline_exceeded', 'No answer in time.'))).toBe(true);
  });

  it('is neither a refusal nor a mistake in this program', () => {
    expect(isAway(new RheiError('invalid', 'There is no such field.'))).toBe(false);
    expect(isAway(new TypeError('x is not a function'))).toBe(false);
  });
});
