import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { binomialInterval, binomialRange } from '@rhei/statistics';
import { control, sumOf, type Control } from '../spec/control';
import { root } from '../spec/platform-process';

/** A promotion counts as one that hurt where the whole 95 % interval of its effect lies above 0: by chance alone in one of forty. */
const hurtByChance = 0.025;

function page(controls: readonly Control[]): string {
  const windows = sumOf(controls, 'windows');
  const alarms = sumOf(controls, 'alarms');
  const promoted = sumOf(controls, 'promoted');
  const interval = binomialInterval(alarms, windows);
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
  return [
    '# Where nothing changes',
    '',
    'Written by `npm run test:long -- control`: the story of 10,000 flights with its days shuffled among the same weekdays, so that nothing changes over time, once for each of 20 seeds.',
    '',
    `${alarms} of ${windows} windows alarmed: ${percent(alarms / windows)} (95 % interval ${percent(interval.low)} to ${percent(interval.high)}); the budget is ${percent(controls[0].budget)}.`,
    `${promoted} versions went live because of an alarm; of ${sumOf(controls, 'judged')} that were judged, ${sumOf(controls, 'hurt')} were found to have hurt.`,
    '',
    '| seed | windows | alarms | promoted after an alarm | judged | hurt |',
    '|---:|---:|---:|---:|---:|---:|',
    ...controls.map(({ seed, windows: of, alarms: one, promoted: went, judged, hurt }) => `| ${seed} | ${of} | ${one} | ${went} | ${judged} | ${hurt} |`),
    '',
  ].join('\n');
}

describe('the control of the story over twenty seeds', () => {
  it('keeps the budget of alarms, and lets nothing through that hurts', async () => {
    const controls: Control[] = [];
    for (let seed = 1; seed <= 20; seed += 1) controls.push(await control(seed));
    writeFileSync(join(root, 'docs', 'control.md'), page(controls));
    const [least, most] = binomialRange(sumOf(controls, 'windows'), controls[0].budget);
    const alarms = sumOf(controls, 'alarms');
    expect({ controls, within: alarms >= least && alarms <= most }).toEqual({ controls, within: true });
    expect(sumOf(controls, 'hurt')).toBeLessThanOrEqual(binomialRange(sumOf(controls, 'judged'), hurtByChance)[1]);
  }, 7_200_000);
});
