import { PendingSwitches } from './pending-switches';

describe('switches that others have still to make', () => {
  it('are looked at until they are over, one loop for each model, also when a look fails', async () => {
    const pending = new PendingSwitches();
    const answers = [() => Promise.reject(new Error('the database is away')), async () => true];
    let looks = 0;
    const over = new Promise<void>((resolve) => {
      const look = async (): Promise<boolean> => {
        const answer = await answers[looks++]();
        resolve();
        return answer;
      };
      pending.watch('m', look);
      pending.watch('m', look);
    });
    await over;
    await pending.stop();
    expect(looks).toBe(2);
  });

  it('are looked at once more when another one began to wait during the last look', async () => {
    const pending = new PendingSwitches();
    let looks = 0;
    const twice = new Promise<void>((resolve) => {
      pending.watch('m', async () => {
        looks += 1;
        if (looks === 1) pending.watch('m', async () => true);
        else resolve();
        return true;
      });
    });
    await twice;
    await pending.stop();
    expect(looks).toBe(2);
  });

  it('are left at a stop', async () => {
    const pending = new PendingSwitches();
    let looks = 0;
    pending.watch('m', async () => { looks += 1; return false; });
    await pending.stop();
    expect(looks).toBe(0);
  });
});
