import { conflict, invalid } from '@rhei/contracts';
import { describeFailure } from './failure';

describe('a failure as a person reads it', () => {
  it('says where it is, what was expected there and what came, then what to do', () => {
    const error = invalid('The version was not live.', { field: 'to', expected: 'a version that was live here', got: '9', hint: 'such as 1' });
    expect(describeFailure(error)).toBe('invalid: The version was not live.\n  to: expected a version that was live here, got 9\n  hint: such as 1');
  });

  it('says nothing twice', () => {
    expect(describeFailure(invalid('--rows nine is no number; expected a whole number.', { field: '--rows', expected: 'a whole number', got: 'nine' }))).toBe('invalid: --rows nine is no number; expected a whole number.');
    expect(describeFailure(conflict('Another was faster.', { field: 'id' }))).toBe('conflict: Another was faster.');
  });
});
