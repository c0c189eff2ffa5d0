import { binomialRange } from '@rhei/statistics';
import { tell } from './killed-story';
import { newFolder, removeFolder } from './platform-process';

/** What alarms and promotions did where nothing changes over time: the days of the story are shuffled. */
export interface Control {
  seed: number;
  windows: number;
  alarms: number;
  /** Share of windows that may alarm though nothing changed, as the monitor declares it. */
  budget: number;
  /** Share of promotions that are found to have hurt though no version is worse, as the report states it. */
  error: number;
  /** Versions that an alarm caused and that answered; those of them of which a verdict could be told, and those that were found to have hurt. */
  promoted: number;
  judged: number;
  hurt: number;
  /** The same of all promotions, whatever caused them. One that was fitted on other rows may be worse in truth though nothing changed: then the verdict is right. */
  allJudged: number;
  allHurt: number;
}

interface ControlReport {
  falseAlarms: { windows: number; alarms: number; budget: number }[];
  promotions: { judged: number; hurt: number; error: number; of: { model: string; version: number; hurt: boolean }[] };
  versions: { model: string; version: number; reason: string; liveFrom: string | null }[];
}

/** Tells the story's control at 10,000 rows. */
export async function control(seed: number): Promise<Control> {
  const folder = newFolder();
  try {
    const report = await tell(folder, ['--once', '--rows', '10000', '--shuffle-days', '--seed', `${seed}`]) as unknown as ControlReport;
    const [{ windows, alarms, budget }] = report.falseAlarms;
    const { judged: allJudged, hurt: allHurt, error } = report.promotions;
    const afterAlarm = report.versions.filter(({ reason, liveFrom }) => reason.startsWith('drift') && liveFrom !== null);
    const judged = report.promotions.of.filter(({ model, version }) => afterAlarm.some((one) => one.model === model && one.version === version));
    return {
      seed, windows, alarms, budget, error, promoted: afterAlarm.length, judged: judged.length, hurt: judged.filter(({ hurt }) => hurt).length, allJudged, allHurt,
    };
  } finally {
    removeFolder(folder);
  }
}

type Count = Exclude<keyof Control, 'seed' | 'budget' | 'error'>;
export const sumOf = (controls: readonly Control[], of: Count): number => controls.reduce((sum, one) => sum + one[of], 0);

export interface Held {
  count: number;
  of: number;
  /** Between how many of them chance alone lies, but for 2.5 % of the cases on either side. */
  range: [low: number, high: number];
  within: boolean;
}

/**
 * What was stated, against what happened over all controls: alarms against the budget, and promotions that an alarm caused, without
 * cause here, against the error rate of the verdict on them.
 */
export function heldTo(controls: readonly Control[]): Record<'alarms' | 'hurtAfterAlarm', Held> {
  const held = (count: Count, of: Count, rate: number): Held => {
    const [found, trials] = [sumOf(controls, count), sumOf(controls, of)];
    const range = binomialRange(trials, rate);
    return { count: found, of: trials, range, within: found >= range[0] && found <= range[1] };
  };
  const [{ budget, error }] = controls;
  return { alarms: held('alarms', 'windows', budget), hurtAfterAlarm: held('hurt', 'judged', error) };
}
