import { DAY } from '@rhei/expressions';
import { compileGuard, judge, type Figures } from './guard';

const figures = (over: Partial<Figures> = {}): Figures => ({ stage: 'canary', rows: 500, answered: 50, errors: 0, psi: 0.01, labelled: 0, logLoss: {}, difference: {}, ...over });

describe('a stage', () => {
  const stage = { stage: 'canary' as const, for: '1d', share: 0.1, guard: 'errors == 0 && psi < 0.25', advance: 'labelled >= 100' };

  it('goes back as soon as its guard is broken, also when its time is over', () => {
    for (const elapsed of [0, 2 * DAY]) expect(judge(stage, figures({ errors: 1 }), elapsed)).toEqual({ verdict: 'back', guard: stage.guard });
    expect(judge(stage, figures({ psi: 0.3 }), 0)).toMatchObject({ verdict: 'back' });
  });

  it('waits for its time, then for what it is to wait for besides', () => {
    expect(judge(stage, figures({ labelled: 100 }), DAY - 1)).toEqual({ verdict: 'wait' });
    expect(judge(stage, figures({ labelled: 99 }), DAY)).toEqual({ verdict: 'hold', reason: 'labelled >= 100 does not hold yet' });
    expect(judge(stage, figures({ labelled: 100 }), DAY)).toEqual({ verdict: 'advance' });
    expect(judge({ stage: 'shadow', for: '1d' }, figures({ errors: 7 }), DAY)).toEqual({ verdict: 'advance' });
  });

  it('neither goes back nor on because of nothing', () => {
    const nothing = figures({ psi: undefined, rows: 0 });
    expect(judge({ ...stage, guard: 'psi < 0.25' }, nothing, 0)).toEqual({ verdict: 'wait' });
    expect(judge({ ...stage, guard: 'difference.high < 0.0' }, nothing, 0)).toEqual({ verdict: 'wait' });
    expect(judge({ ...stage, guard: 'errors / answered < 1' }, figures({ answered: 0 }), 0)).toEqual({ verdict: 'wait' });
    expect(judge({ ...stage, advance: 'difference.high < 0.0' }, nothing, DAY)).toMatchObject({ verdict: 'hold' });
    expect(judge({ ...stage, guard: 'labelled < 200 || difference.low <= 0.0' }, figures({ labelled: 300, difference: { low: 0.001 } }), 0)).toMatchObject({ verdict: 'back' });
  });

  it.each([['error == 0', 'unknown'], ['errors', 'type'], ['logLoss.challenger < 1.0', 'unknown'], ['errors ==', 'syntax']])('cannot be judged by %s', (source, code) => {
    expect(() => compileGuard(source)).toThrow(expect.objectContaining({ code }));
  });
});
