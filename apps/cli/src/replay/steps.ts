import type { Instant } from '@rhei/expressions';
import { askPredictions, isLive } from './ask-predictions';
import type { Doors } from './doors';
import { approve, nextApproval } from './people';
import type { Plan, Step } from './plan';
import type { Phase, ProgressFile } from './progress-file';
import { publish } from './publish';
import { fireTimer, moveClock, settle, type Settled } from './settle';
import type { Story } from './story';

export interface Watcher {
  /** Called when a step is over. */
  stepped(step: Step, index: number, settled: Settled): Promise<void>;
  /** Seconds spent, by what they were spent for. */
  spent(what: 'ask' | 'timers' | 'publish' | 'settle' | 'clock', seconds: number): void;
}

interface Walk {
  doors: Doors;
  story: Story;
  plan: Plan;
  file: ProgressFile;
  watcher: Watcher;
}

const order: Phase[] = ['ask', 'between', 'arrive', 'now'];

/** Walks the steps of a plan from where the file says; each is a piece of a discrete-event simulation (replay.md, A step). */
export async function walk(it: Walk, from: { step: number; phase: Phase }): Promise<void> {
  const { plan, file, story, watcher } = it;
  for (let index = from.step; index < plan.steps.length; index++) {
    const step = plan.steps[index];
    const first = index === from.step && order.includes(from.phase) ? order.indexOf(from.phase) : 0;
    let settled: Settled | undefined;
    for (const phase of order.slice(first)) {
      file.write({ plan: plan.digest, story: story.name, step: index, phase });
      settled = await perform[phase as keyof typeof perform](it, step);
    }
    await watcher.stepped(step, index, settled!);
  }
  file.write({ plan: plan.digest, story: story.name, step: plan.steps.length, phase: 'done' });
}

const perform = {
  async ask(it: Walk, step: Step): Promise<Settled> {
    const { doors, story: { spec } } = it;
    const settled = await rest(it);
    if (spec.ask === undefined || step.asks.length === 0 || !(await isLive(doors, spec.ask.deployment))) return settled;
    await timed(it, 'ask', () => askPredictions(doors, spec.ask!.deployment, step.asks));
    return settled;
  },
  between: (it: Walk, step: Step): Promise<Settled> => fireUntil(it, (due) => due < step.to),
  async arrive(it: Walk, step: Step): Promise<Settled> {
    await rest(it);
    await timed(it, 'clock', () => moveClock(it.doors, step.to));
    await timed(it, 'publish', () => publish(it.doors, step.deliveries));
    return rest(it);
  },
  now: (it: Walk, step: Step): Promise<Settled> => fireUntil(it, (due) => due <= step.to),
};

/** Fires timers and lets people act, one thing at a time and earliest first, while `isDue`; people come last at an instant. */
async function fireUntil(it: Walk, isDue: (due: Instant) => boolean): Promise<Settled> {
  for (;;) {
    const settled = await rest(it);
    const act = await nextApproval(it.doors, it.story);
    const timer = settled.next;
    const person = act !== undefined && isDue(act.due) && (timer === undefined || Math.max(act.due, settled.time) < timer.due || !isDue(timer.due)) ? act : undefined;
    const due = person?.due ?? timer?.due;
    if (due === undefined || !isDue(due)) return settled;
    if (due > settled.time) await timed(it, 'clock', () => moveClock(it.doors, due));
    await timed(it, 'timers', () => (person === undefined ? fireTimer(it.doors, timer!) : approve(it.doors, person)));
  }
}

const rest = (it: Walk): Promise<Settled> => timed(it, 'settle', () => settle(it.doors));

async function timed<T>({ watcher }: Walk, what: Parameters<Watcher['spent']>[0], act: () => Promise<T>): Promise<T> {
  const start = performance.now();
  const result = await act();
  watcher.spent(what, (performance.now() - start) / 1000);
  return result;
}
