import { conflict, deadlineExceeded, invalid, overloaded, RheiError, unavailable } from '@rhei/contracts';
import { failureKind } from './failure';

const withCode = (code: string) => Object.assign(new Error('from the driver'), { code });

describe('what a consumer does about a failure', () => {
  it.each([unavailable('away'), overloaded('full'), deadlineExceeded('late'), withCode('40001'), withCode('40P01'), withCode('08006'), withCode('57P01'),
    withCode('ECONNREFUSED'), new Error('Connection terminated unexpectedly'), Object.assign(new Error('wrapped'), { driverError: withCode('40001') })])(
    'waits and repeats: %s', (error) => expect(failureKind(error)).toBe('transient'));

  it.each([invalid('no'), conflict('no')])('sets the event aside at once: %s', (error) => expect(failureKind(error)).toBe('permanent'));

  it.each([new TypeError('x is undefined'), withCode('23505'), new RheiError('internal', 'unforeseen'), 'a string'])(
    'tries a few times: %s', (error) => expect(failureKind(error)).toBe('unknown'));
});
