import { instant } from '@rhei/testing';
import { cardFromCache } from './card-from-cache';

it('states when the rows of its own run were known and where they come from, and which run made the file', () => {
  const first = { model: 'late', metrics: { logLoss: 0.4 }, data: { rows: 9, asOf: '2001-03-01T00:00:00Z', trainingSet: 'abc', sources: ['tower'], leftOut: 3, corrected: 1 } };
  expect(cardFromCache(first, { asOf: instant('2001-03-08T00:00:00Z'), origin: { sources: ['tower', 'airline'], leftOut: 4 } }, { run: 'r1', asOf: instant('2001-03-01T00:00:00Z') })).toEqual({
    model: 'late', metrics: { logLoss: 0.4 }, data: { rows: 9, asOf: '2001-03-08T00:00:00Z', trainingSet: 'abc', sources: ['tower', 'airline'], leftOut: 4 },
    madeBy: { run: 'r1', asOf: '2001-03-01T00:00:00Z' },
  });
});
