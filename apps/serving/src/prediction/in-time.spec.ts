import { inTime } from './in-time';

const within = (milliseconds: number) => ({ remaining: () => milliseconds });

describe('an answer in time', () => {
  it('is the outcome of the work, good or bad', async () => {
    await expect(inTime(Promise.resolve(7), within(1_000))).resolves.toBe(7);
    await expect(inTime(Promise.resolve(undefined), within(1_000))).resolves.toBeUndefined();
    await expect(inTime(Promise.reject(new Error('no')), within(0))).rejects.toThrow('no');
  });

  it('is the outcome also when little time was given', async () => {
    await expect(inTime(new Promise((resolve) => setTimeout(() => resolve(7), 1)), within(90))).resolves.toBe(7);
  });

  it('is a refusal with a delay before the caller has gone, whatever the work comes to', async () => {
    let fail!: (error: Error) => void;
    const work = new Promise<never>((_, reject) => { fail = reject; });
    const asked = performance.now();
    await expect(inTime(work, within(1_000))).rejects.toMatchObject({ code: 'unavailable', details: { reason: 'NOT_IN_TIME', retryAfter: 1_000 } });
    expect(performance.now() - asked).toBeLessThan(1_000);
    fail(new Error('too late to matter'));
    await new Promise((resolve) => setImmediate(resolve));
  });
});
