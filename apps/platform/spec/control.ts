import { tell } from './killed-story';
import { newFolder, removeFolder } from './platform-process';

/** What alarms and gates did where nothing changes over time: the days of the story are shuffled. */
export interface Control {
  seed: number;
  windows: number;
  alarms: number;
  /** Share of windows that may alarm though nothing changed, as the monitor declares it. */
  budget: number;
  /** Versions that an alarm caused and that answered; those of them on which there was a verdict, and those that were found to have hurt. */
  promoted: number;
  judged: number;
  hurt: number;
}

interface ControlReport {
  falseAlarms: { windows: number; alarms: number; budget: number };
  versions: { version: number; reason: string; liveFrom: string | null }[];
  judged: { version: number; verdict: string; interval: [number, number] }[];
}

/** Tells the story's control at 10,000 rows. */
export async function control(seed: number): Promise<Control> {
  const folder = newFolder();
  try {
    const report = await tell(folder, ['--once', '--rows', '10000', '--shuffle-days', '--seed', `${seed}`]) as unknown as ControlReport;
    const { windows, alarms, budget } = report.falseAlarms;
    const afterAlarm = report.versions.filter(({ reason, liveFrom }) => reason.startsWith('drift') && liveFrom !== null);
    const verdicts = afterAlarm.flatMap(({ version }) => report.judged.filter((one) => one.version === version && one.interval[1] > one.interval[0]).map(({ verdict }) => verdict));
    return { seed, windows, alarms, budget, promoted: afterAlarm.length, judged: verdicts.length, hurt: verdicts.filter((verdict) => verdict === 'hurt').length };
  } finally {
    removeFolder(folder);
  }
}

export const sumOf = (controls: readonly Control[], of: 'windows' | 'alarms' | 'promoted' | 'judged' | 'hurt'): number => controls.reduce((sum, one) => sum + one[of], 0);
