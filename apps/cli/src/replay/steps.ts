import type { Instant } from '@rhei/expressions';
import { askPredictions, questionsOf, type Questions } from './ask-predictions';
import type { Doors } from './doors';
import { People, type PersonalAct } from './people';
import type { Plan, Step } from './plan';
import type { Phase, ProgressFile } from './progress-file';
import { publish } from './publish';
import { fireTimer, moveClock, settle, type NextTimer, type Settled } from './settle';
import type { Story } from './story';

export interface Watcher {
  /** Called when a step is over. */
  stepped(step: Step, index: number, settled: Settled): Promise<void>;
  /** Seconds spent, by what they were spent for. */
  spent(what: 'ask' | 'timers' | 'people' | 'publish' | 'settle' | 'clock', seconds: number): void;
  /** Something that whoever watches should know at once. */
  said(text: string): void;
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
  const stage = await Stage.at(it, from);
  for (let index = from.step; index < plan.steps.length; index++) {
    const step = plan.steps[index];
    const first = index === from.step && order.includes(from.phase) ? order.indexOf(from.phase) : 0;
    for (const phase of order.slice(first)) {
      // The rest belongs to what was done before: nothing of this phase is done until both are there.
      await Promise.all([file.write({ plan: plan.digest, story: story.name, step: index, phase }), stage.rest()]);
      await perform[phase as keyof typeof perform](stage, step);
    }
    await watcher.stepped(step, index, await stage.rest());
  }
  await file.write({ plan: plan.digest, story: story.name, step: plan.steps.length, phase: 'done' });
}

const perform = {
  async ask(stage: Stage, step: Step): Promise<void> {
    const { ask } = stage.it.story.spec;
    if (ask === undefined || step.asks.length === 0) return;
    const questions = await stage.questions(ask.deployment);
    if (questions !== undefined) await stage.act('ask', () => askPredictions(stage.it.doors, questions, step.asks));
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
    const { time, next: timer } = await stage.rest();
    const act = await stage.nextAct();
    const person = act !== undefined && isDue(act.due) && (timer === undefined || Math.max(act.due, time) < timer.due || !isDue(timer.due)) ? act : undefined;
    const due = person?.due ?? timer?.due;
    if (due === undefined || !isDue(due)) return;
    if (due > time) await stage.moveTo(due);
    if (person === undefined) await stage.fire(timer!);
    else await stage.let(person);
  }
}

/**
 * The platform as the driver last saw it. What was at rest stays so until the driver does something, so it is asked only then.
 * A move of the clock alone starts nothing: what is done at the new instant need not wait for another rest.
 */
class Stage {
  private settled: Settled | undefined;
  private moved = false;
  private asked: { registry: string; questions: Questions } | undefined;

  private constructor(readonly it: Walk, private readonly people: People) {}

  static async at(it: Walk, { step, phase }: { step: number; phase: Phase }): Promise<Stage> {
    const { time } = await settle(it.doors);
    const { period } = it.story.spec;
    const from = period.from + step * period.step;
    return new Stage(it, new People(it.doors, it.story, { phase, step: from, end: from + period.step, now: time }, (text) => it.watcher.said(text)));
  }

  /** Waits until the platform is at rest; at once when nothing was done since it was. */
  async rest(): Promise<Settled> {
    if (this.settled === undefined) {
      this.settled = await this.timed('settle', () => settle(this.it.doors));
      this.moved = false;
    }
    return this.settled;
  }

  async act(what: 'ask' | 'publish' | 'timers' | 'people', act: () => Promise<void>): Promise<void> {
    if (!this.moved) await this.rest();
    this.settled = undefined;
    this.moved = false;
    await this.timed(what, act);
  }

  async moveTo(time: Instant): Promise<void> {
    await this.rest();
    this.settled = undefined;
    this.moved = true;
    await this.timed('clock', () => moveClock(this.it.doors, time));
  }

  async fire(timer: NextTimer): Promise<void> {
    await this.act('timers', () => fireTimer(this.it.doors, timer));
    if (timer.service === 'registry') this.lookAgain();
  }

  async let(person: PersonalAct): Promise<void> {
    await this.act('people', () => person.perform());
    this.lookAgain();
  }

  private lookAgain(): void {
    this.people.lookAgain();
    this.asked = undefined;
  }

  async nextAct(): Promise<PersonalAct | undefined> {
    return this.people.next((await this.rest()).registry);
  }

  /** What the deployment asks for, once something of it is live; that ends only with a decision of the registry. */
  async questions(deployment: string): Promise<Questions | undefined> {
    const { registry } = await this.rest();
    if (this.asked?.registry !== registry) {
      const questions = await questionsOf(this.it.doors, deployment);
      this.asked = questions === undefined ? undefined : { registry, questions };
    }
    return this.asked?.questions;
  }

  private async timed<T>(what: Parameters<Watcher['spent']>[0], act: () => Promise<T>): Promise<T> {
    const start = performance.now();
    const result = await act();
    this.it.watcher.spent(what, (performance.now() - start) / 1000);
    return result;
  }
}
