import { splitByTime } from './time-split';

describe('a split by time', () => {
  it('holds out the latest share, whatever the order of the rows', () => {
    const { early, late, from } = splitByTime([50, 10, 40, 20, 30], { holdout: 0.4 });
    expect({ early: [...early], late: [...late], from }).toEqual({ early: [1, 3, 4], late: [0, 2], from: 40 });
  });

  it('keeps rows of one moment together', () => {
    const { early, late } = splitByTime([1, 2, 2, 2, 2], { holdout: 0.2 });
    expect([[...early], [...late]]).toEqual([[0], [1, 2, 3, 4]]);
    expect([...splitByTime([1, 1, 1, 1, 2], { holdout: 0.5 }).late]).toEqual([4]);
  });

  it('refuses what would leave a side empty, and times that are none', () => {
    expect(() => splitByTime([5, 5], { holdout: 0.5 })).toThrow('needs rows of two moments at least; there are 2 rows of 1.');
    expect(() => splitByTime([], { holdout: 0.5 })).toThrow('there are 0 rows of 0.');
    expect(() => splitByTime([1, NaN, 3], { holdout: 2 })).toThrow(
      'The holdout must be a share between 0 and 1; it is 2.\nThe time of row 1 is NaN; every row needs a finite one.',
    );
  });
});
