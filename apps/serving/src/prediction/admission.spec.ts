import { Admission } from './admission';

/** Work that ends when it is told to. */
function held() {
  let end!: () => void;
  const ended = new Promise<void>((resolve) => { end = resolve; });
  return { work: () => ended, end };
}
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('admission', () => {
  it('works on so many at once and lets the others wait', async () => {
    const admission = new Admission(2, 10);
    let running = 0;
    let most = 0;
    await Promise.all(Array.from({ length: 8 }, () => admission.run(async () => {
      running += 1;
      most = Math.max(most, running);
      await turn();
      running -= 1;
    })));
    expect(most).toBe(2);
  });

  it('refuses one more than may wait at once, with a delay to come again', async () => {
    const admission = new Admission(1, 1);
    const first = held();
    const all = [admission.run(first.work), admission.run(async () => undefined)];
    await expect(admission.run(async () => undefined)).rejects.toMatchObject({ code: 'overloaded', details: { retryAfter: 250 } });
    first.end();
    await Promise.all(all);
    await expect(admission.run(async () => 'free again')).resolves.toBe('free again');
  });

  it('takes those who wait in the order in which they came, and nobody overtakes them', async () => {
    const admission = new Admission(1, 10);
    const order: string[] = [];
    const first = held();
    const all = [admission.run(first.work), ...['a', 'b', 'c'].map((name) => admission.run(async () => void order.push(name)))];
    first.end();
    await turn();
    all.push(admission.run(async () => void order.push('late')));
    await Promise.all(all);
    expect(order).toEqual(['a', 'b', 'c', 'late']);
  });

  it('gives the place on when the work fails', async () => {
    const admission = new Admission(1, 10);
    const failing = admission.run(async () => { throw new Error('no'); });
    const next = admission.run(async () => 'mine');
    await expect(failing).rejects.toThrow('no');
    await expect(next).resolves.toBe('mine');
  });

  it('forgets a caller who went away while it waited, and its place is free', async () => {
    const admission = new Admission(1, 1);
    const first = held();
    const running = admission.run(first.work);
    const caller = new AbortController();
    let worked = false;
    const gone = admission.run(async () => { worked = true; }, caller.signal);
    caller.abort();
    await expect(gone).rejects.toMatchObject({ code: 'deadline_exceeded' });
    const next = admission.run(async () => 'mine');
    first.end();
    await expect(next).resolves.toBe('mine');
    await running;
    expect(worked).toBe(false);
  });
});
