import { fitRun } from './fit-run';
import { FitRefused, type FitTask, type FromChild, type Phase } from './task';

/*
 * The process of one run: the task comes as a message, progress and the result go back as messages. It ends with its
 * parent: a channel that closes means that nobody waits for the result any more. While it fits it hears of no channel,
 * so it looks whether its parent is still the one that started it.
 */
const parent = process.ppid;
const say = (message: FromChild): Promise<void> => new Promise((resolve) => process.send!(message, undefined, {}, () => resolve()));

/** Tells of each part of the work when it begins and when it is over: the parent keeps the trace, and this process needs nothing to send one. */
let part: Omit<Phase, 'to'> | undefined;
function phase(name?: string): void {
  const now = performance.timeOrigin + performance.now();
  if (part) void say({ type: 'phase', ...part, to: now });
  part = name === undefined ? undefined : { name, from: now };
  if (part) void say({ type: 'begin', name: part.name });
}

/** Waits for the parent's word: it may know the result already, and then ends this process. */
const inputs = (digest: string): Promise<void> => new Promise((resolve) => {
  process.once('message', () => resolve());
  void say({ type: 'inputs', digest });
});

process.on('disconnect', () => process.exit(1));
process.once('message', (task: FitTask) => {
  fitRun(task, { progress: (done) => void say({ type: 'progress', done }), cancelled: () => process.ppid !== parent, phase, inputs }).then(
    async ({ artifact, ...result }) => {
      phase();
      await say({ type: 'done', resultJson: JSON.stringify(result), artifact });
      process.exit(0);
    },
    async (error: unknown) => {
      if (error instanceof FitRefused) {
        await say({ type: 'refused', reason: error.message });
        process.exit(0);
      }
      process.stderr.write(error instanceof Error ? error.message : String(error), () => process.exit(1));
    },
  );
});
