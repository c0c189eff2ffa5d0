import { RheiError } from '@rhei/contracts';
import { formatInstant, hashUnit, type Instant } from '@rhei/expressions';
import { resolve } from 'node:path';
import { applyFiles } from '../apply-files';
import { call } from '../connect';
import { readDecisions } from '../decisions';
import { dataChange } from './data-change';
import { ask, patiently, type Doors } from './doors';
import { mendQuarantine } from './mend-quarantine';
import type { Act, Story } from './story';
import { compiled } from './story-expression';

/** An act of the story's script: doing it again changes nothing. */
export interface ScriptedAct {
  due: Instant;
  perform(): Promise<void>;
}

/**
 * The acts that a story's file names, in its order. What the platform refuses for good is said and the story goes on: whether
 * it matters is for its expectations to tell. Errors: `invalid` when an expression is wrong.
 */
export function actsOf(doors: Doors, story: Story, say: (text: string) => void): ScriptedAct[] {
  return story.spec.people.acts.map((act, index) => {
    const perform = performing(doors, story, act, index);
    return {
      due: act.at,
      async perform() {
        try {
          await perform();
        } catch (error) {
          if (!(error instanceof RheiError) || !refusals.has(error.code)) throw error;
          say(`${formatInstant(act.at)} ${act.as} was refused: ${error.message}`);
        }
      },
    };
  });
}

const refusals = new Set<string>(['invalid', 'rejected', 'forbidden', 'not_found', 'conflict', 'gate_not_met']);

function performing(doors: Doors, story: Story, act: Act, index: number): () => Promise<void> {
  const token = doors.tokens.people[act.as];
  const { apply, run, rollback, quarantine } = act;
  if (apply !== undefined) {
    const files = apply.map((file) => resolve(story.folder, file));
    return () => patiently('apply resources', async () => { await applyFiles(doors.resources, files, token); });
  }
  if (run !== undefined) {
    // The same request starts one run.
    const request = { ...run, requestId: `${story.name}/act-${index + 1}`, noCache: false };
    return () => patiently('start a run', async () => { await call(doors.training, doors.training.startRun, request, { token }); });
  }
  if (rollback !== undefined) return () => patiently('roll back', () => rollBackOnce(doors, rollback, act, token));
  const { fix, replay, reason } = quarantine!;
  if (replay !== undefined) return () => mendQuarantine(doors, replay, { reason, token });
  const change = dataChange(fix!, `people, act ${index + 1}`, {});
  const meant = compiled(fix!.when ?? 'true', `people, act ${index + 1}, when`, { data: 'dyn' }, 'bool');
  const mend = (data: Record<string, unknown>, id: string): Record<string, unknown> | undefined => meant.evaluate({ data }) !== true ? undefined :
    change({ row: {}, data, index: 0, draw: (field) => hashUnit(story.spec.sample.seed, `draw ${field}`, id) });
  return () => mendQuarantine(doors, fix!, { reason, token, mend });
}

/** A second rollback would go back one version more, so the record of serving says whether this one was done. */
async function rollBackOnce(doors: Doors, { deployment, reason }: { deployment: string; reason: string }, { at, as }: Act, token: string): Promise<void> {
  const decisions = await readDecisions((request) => ask(doors, doors.operations, doors.operations.listDecisions, request), `deployment/${deployment}`);
  if (decisions.get('serving')!.some(({ asOf, by, action }) => asOf === at && by === as && action.startsWith('roll'))) return;
  await call(doors.serving, doors.serving.rollback, { deployment, reason, version: 0, to: 0 }, { token });
}
