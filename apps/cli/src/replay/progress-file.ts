import { RheiError } from '@rhei/contracts';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';

export const phases = ['apply', 'ask', 'between', 'arrive', 'now', 'done'] as const;
export type Phase = (typeof phases)[number];

/** Where the story stands: written before each phase, so that a phase is repeated after a crash and never skipped. */
export interface StoryProgress {
  plan: string;
  story: string;
  step: number;
  phase: Phase;
}

export class ProgressFile {
  constructor(private readonly file: string) {}

  read(): StoryProgress | undefined {
    return existsSync(this.file) ? (JSON.parse(readFileSync(this.file, 'utf8')) as StoryProgress) : undefined;
  }

  /** Durable when it resolves: written beside, flushed, renamed. */
  async write(progress: StoryProgress): Promise<void> {
    mkdirSync(dirname(this.file), { recursive: true });
    const beside = `${this.file}.new`;
    const handle = await open(beside, 'w');
    try {
      await handle.writeFile(`${JSON.stringify(progress)}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(beside, this.file);
  }

  /** Where to go on. Errors: `conflict` when the folder holds another story, or this one is over. */
  resume(plan: string, story: string): StoryProgress {
    const found = this.read();
    if (found === undefined) return { plan, story, step: 0, phase: 'apply' };
    if (found.plan !== plan) {
      throw new RheiError('conflict', `${this.file} belongs to the story "${found.story}" with another plan (${found.plan.slice(0, 12)}, this one is ${plan.slice(0, 12)}): other rows, seed, data or text.`, {
        hint: 'one folder, one story: choose another with --data DIR, or clear this one with "npm run reset"',
      });
    }
    if (found.phase === 'done') {
      throw new RheiError('conflict', `The story "${story}" is over in this folder; its clock cannot go back.`, { hint: 'choose another folder with --data DIR, or clear this one with "npm run reset"', reason: 'STORY_OVER' });
    }
    return found;
  }
}
