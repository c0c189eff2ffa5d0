import { RheiError } from '@rhei/contracts';
import type { Instant } from '@rhei/expressions';
import { actsOf, type ScriptedAct } from './acts';
import { call } from '../connect';
import { ask, isAway, type Doors } from './doors';
import type { Phase } from './progress-file';
import type { Story } from './story';

/** What one of the story's people does next. */
export interface PersonalAct {
  due: Instant;
  perform(): Promise<void>;
}

/**
 * The people of a story. What they approve follows from what the platform shows; what they do at an instant follows from the
 * story and the clock. A repetition, after a crash, has no further effect, so nothing of it needs to be remembered.
 */
export class People {
  private readonly acts: ScriptedAct[];
  private approval: { registry: string; act: PersonalAct | undefined } | undefined;

  /** `from` and `now`: where the story goes on, and what the platform's clock shows there. */
  constructor(private readonly doors: Doors, private readonly story: Story, from: { phase: Phase; step: Instant; end: Instant; now: Instant }, say: (text: string) => void) {
    this.acts = actsOf(doors, story, say).filter(({ due }) => isAhead(due, from, story.spec.period.from)).sort((a, b) => a.due - b.due);
  }

  /** The earliest thing that somebody will do. `registry` says how far the registry has read: without that, its list is as it was. */
  async next(registry: string): Promise<PersonalAct | undefined> {
    if (this.approval?.registry !== registry) this.approval = { registry, act: await nextApproval(this.doors, this.story) };
    const approval = this.approval.act;
    const [act] = this.acts;
    if (act === undefined || (approval !== undefined && approval.due <= act.due)) return approval;
    return { due: act.due, perform: async () => { await act.perform(); this.acts.shift(); } };
  }

  /** Something was done that may change what the registry shows. */
  lookAgain(): void {
    this.approval = undefined;
  }
}

/**
 * Whether an act is still to be done where a story goes on. One at the very instant of the clock may have been done: it is
 * repeated, in the phase to which it belongs, before anything else can arrive.
 */
export function isAhead(due: Instant, { phase, step, end, now }: { phase: Phase; step: Instant; end: Instant; now: Instant }, begin: Instant): boolean {
  if (phase === 'arrive' || phase === 'now') return due >= end;
  return due >= now && (due > step || step === begin);
}

/** The next approval that is due, if somebody approves in this story. */
async function nextApproval(doors: Doors, { spec: { people } }: Story): Promise<PersonalAct | undefined> {
  const approver = people.approver;
  if (approver === undefined) return undefined;
  const { versions } = await ask(doors, doors.registry, doors.registry.listPendingApprovals, {});
  const [first] = versions
    .map((version) => ({ due: version.registeredAt + approver.after, version }))
    .sort((a, b) => a.due - b.due || (a.version.model < b.version.model ? -1 : 1) || a.version.version - b.version.version);
  return first === undefined ? undefined : { due: first.due, perform: () => approve(doors, first.version) };
}

/** Approves the version that was looked at. A lost answer is not repeated: the list of pending approvals tells whether it counted. */
async function approve(doors: Doors, { model, version, digest }: { model: string; version: number; digest: string }): Promise<void> {
  try {
    await call(doors.registry, doors.registry.approveVersion, { model, version, digest, comment: 'looked at its card and its gates' }, { token: doors.tokens.approver! });
  } catch (error) {
    if (isAway(error)) return;
    if (error instanceof RheiError && error.code === 'conflict') return;
    throw error;
  }
}
