import type { ModelSession } from './model-session';
import { Sessions } from './sessions';

function aStore() {
  const log: string[] = [];
  let away = false;
  const sessions = new Sessions(async (digest) => {
    if (away) throw new Error('the store is away');
    log.push(`load ${digest}`);
    return { release: async () => void log.push(`free ${digest}`) } as unknown as ModelSession;
  });
  return { sessions, log, setAway: (is: boolean) => { away = is; } };
}

describe('loaded models', () => {
  it('are loaded once for all who use them at one time, and freed when the last lets go', async () => {
    const { sessions, log } = aStore();
    const [one, other] = await Promise.all([sessions.hold('a'), sessions.hold('a')]);
    expect(one.session).toBe(other.session);
    await one.release();
    await one.release();
    expect(log).toEqual(['load a']);
    await other.release();
    expect(log).toEqual(['load a', 'free a']);
    await sessions.hold('a');
    expect(log).toEqual(['load a', 'free a', 'load a']);
  });

  it('are tried again after a failure', async () => {
    const { sessions, setAway, log } = aStore();
    setAway(true);
    await Promise.all([1, 2].map(() => expect(sessions.hold('a')).rejects.toThrow('away')));
    setAway(false);
    await sessions.hold('a');
    expect(log).toEqual(['load a']);
  });
});
