import type { Instant } from '@rhei/expressions';
import { askPredictions, isLive } from './ask-predictions';
import type { Doors } from './doors';
import { approve, nextApproval, type PersonalAct } from './people';
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
  const stage = new Stage(it);
  for (let index = from.step; index < plan.steps.length; index++) {
    const step = plan.steps[index];
    const first = index === from.step && order.includes(from.phase) ? order.indexOf(from.phase) : 0;
    for (const phase of order.slice(first)) {
      file.write({ plan: plan.digest, story: story.name, step: index, phase });
      await perform[phase as keyof typeof perform](stage, step);
    }
    await watcher.stepped(step, index, await stage.rest());
  }
  file.write({ plan: plan.digest, story: story.name, step: plan.steps.length, phase: 'done' });
}

const perform = {
  async ask(stage: Stage, step: Step): Promise<void> {
    const { ask } = stage.it.story.spec;
    await stage.rest();
    if (ask === undefined || step.asks.length === 0 || !(await isLive(stage.it.doors, ask.deployment))) return;
    await stage.act('ask', () => askPredictions(stage.it.doors, ask.deployment, step.asks));
  },
  between: (stage: Stage, step: Step): Promise<void> => fireUntil(stage, (due) => due < step.to),
  async arrive(stage: Stage, step: Step): Promise<void> {
    await stage.moveTo(step.to);
    if (step.deliveries.length > 0) await stage.act('publish', () => publish(stage.it.doors, step.deliveries));
  },
  now: (stage: Stage, step: Step): Promise<void> => fireUntil(stage, (due) => due <= step.to),
};

/** Fires timers and lets people act, one thing at a time and earliest first, while `isDue`; people come last at an instant. */
async function fireUntil(stage: Stage, isDue: (due: Instant) => boolean): Promise<void> {
  for (;;) {
    const settled = await stage.rest();
    const act = await stage.nextApproval();
    const { next: timer } = settled;
    const person = act !== undefined && isDue(act.due) && (timer === undefined || Math.max(act.due, settled.time) < timer.due || !isDue(timer.due)) ? act : undefined;
    const due = person?.due ?? timer?.due;
    if (due === undefined || !isDue(due)) return;
    if (due > settled.time) await stage.moveTo(due);
    await stage.act('timers', () => (person === undefined ? fireTimer(stage.it.doors, timer!) : approve(stage.it.doors, person)));
  }
}

/** The platform as the driver last saw it. What was at rest stays so until the driver does something, so it is asked only then. */
class Stage {
  private settled: Settled | undefined;
  private approval: { registry: string; act: PersonalAct | undefined } | undefined;

  constructor(readonly it: Walk) {}

  /** Waits until the platform is at rest; at once when nothing was done since it was. */
  async rest(): Promise<Settled> {
    return (this.settled ??= await this.timed('settle', () => settle(this.it.doors)));
  }

  async act(what: 'ask' | 'publish' | 'timers', act: () => Promise<void>): Promise<void> {
    await this.rest();
    this.settled = undefined;
    await this.timed(what, act);
  }

  async moveTo(time: Instant): Promise<void> {
    await this.rest();
    this.settled = undefined;
    await this.timed('clock', () => moveClock(this.it.doors, time));
  }

  /** The next approval; it can only have changed when the registry did something. */
  async nextApproval(): Promise<PersonalAct | undefined> {
    const { registry } = await this.rest();
    if (this.approval?.registry !== registry) this.approval = { registry, act: await nextApproval(this.it.doors, this.it.story) };
    return this.approval.act;
  }

  private async timed<T>(what: Parameters<Watcher['spent']>[0], act: () => Promise<T>): Promise<T> {
    const start = performance.now();
    const result = await act();
    this.it.watcher.spent(what, (performance.now() - start) / 1000);
    return result;
  }
}
