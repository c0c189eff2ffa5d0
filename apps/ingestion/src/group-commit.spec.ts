import { invalid } from '@rhei/contracts';
import { GroupCommit } from './group-commit';

const limits = { groupItems: 4, groupBytes: 100, queueItems: 8, queueBytes: 1_000 };
/** A commit that is finished by hand. */
const byHand = () => {
  const groups: number[][] = [];
  const finish: ((error?: Error) => void)[] = [];
  const commit = (items: number[]): Promise<string[]> => {
    groups.push(items);
    return new Promise((resolve, reject) => finish.push((error) => (error ? reject(error) : resolve(items.map((item) => `done ${item}`)))));
  };
  const next = async (error?: Error) => {
    finish.shift()!(error);
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { commit, groups, next };
};

describe('gathering requests into commits', () => {
  it('commits a lone request at once, and what comes meanwhile together', async () => {
    const { commit, groups, next } = byHand();
    const queue = new GroupCommit(commit, limits);
    const answers = [[1], [2, 3], [4], [5], [6]].map((items) => queue.submit(items, 1));
    expect(groups).toEqual([[1]]);
    await next();
    expect(groups).toEqual([[1], [2, 3, 4, 5]]);
    await next();
    await next();
    expect(await Promise.all(answers)).toEqual([['done 1'], ['done 2', 'done 3'], ['done 4'], ['done 5'], ['done 6']]);
  });

  it('closes a group when it has enough bytes', async () => {
    const { commit, groups, next } = byHand();
    const queue = new GroupCommit(commit, limits);
    void queue.submit([1], 1);
    void queue.submit([2], 99);
    void queue.submit([3], 99);
    void queue.submit([4], 1);
    await next();
    expect(groups[1]).toEqual([2, 3]);
    await next();
    await next();
    await queue.drained();
  });

  it('sends away what does not fit, and takes it later', async () => {
    const { commit, next } = byHand();
    const queue = new GroupCommit(commit, limits);
    const first = queue.submit([1, 2, 3, 4, 5, 6, 7], 1);
    await expect(queue.submit([8, 9], 1)).rejects.toMatchObject({ code: 'overloaded', details: { retryAfter: 1_000 } });
    await expect(queue.submit([8], 1_000)).rejects.toMatchObject({ code: 'overloaded' });
    await next();
    await first;
    const later = queue.submit([8, 9], 1);
    await next();
    expect(await later).toEqual(['done 8', 'done 9']);
  });

  it('fails only the request that is at fault', async () => {
    const queue = new GroupCommit(async (items: number[]) => {
      if (items.includes(3)) throw new Error('three');
      return items;
    }, limits);
    const results = await Promise.allSettled([[1], [2], [3], [4]].map((items) => queue.submit(items, 1)));
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled']);
  });

  it('passes on an error that concerns them all', async () => {
    let commits = 0;
    const queue = new GroupCommit(async (): Promise<number[]> => {
      commits++;
      throw invalid('no');
    }, limits);
    const results = await Promise.allSettled([[1], [2], [3]].map((items) => queue.submit(items, 1)));
    expect([results.every(({ status }) => status === 'rejected'), commits]).toEqual([true, 2]);
  });
});
