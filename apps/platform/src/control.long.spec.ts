import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { binomialInterval } from '@rhei/statistics';
import { control, heldTo, sumOf, type Control, type Held } from '../spec/control';
import { root } from '../spec/platform-process';

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** A share with its interval, and what chance alone would give. */
function told({ count, of, range: [low, high] }: Held, rate: number): string {
  if (of === 0) return `none of none; stated are ${percent(rate)}`;
  const interval = binomialInterval(count, of);
  return `${count} of ${of}: ${percent(count / of)} (95 % interval ${percent(interval.low)} to ${percent(interval.high)}); stated are ${percent(rate)}, by which ${low} to ${high} are expected`;
}

function page(controls: readonly Control[]): string {
  const { alarms, hurtAfterAlarm } = heldTo(controls);
  const [hurt, judged] = [sumOf(controls, 'allHurt'), sumOf(controls, 'allJudged')];
  const { low, high } = binomialInterval(hurt, judged);
  const [{ budget, error }] = controls;
  return [
    '# Where nothing changes',
    '',
    'Written by `npm run test:long -- control`: the story of 10,000 flights with its days shuffled among the same weekdays, so that nothing changes over time, once for each of 20 seeds.',
    '',
    `- Windows with an alarm: ${told(alarms, budget)}.`,
    `- Versions that went live because of an alarm and were found to have hurt, of those that were judged: ${told(hurtAfterAlarm, error)}.`,
    `- Of all promotions, whatever caused them, ${hurt} of ${judged} were found to have hurt: ${percent(hurt / judged)} (95 % interval ${percent(low)} to ${percent(high)}). That is held to nothing: a version that was fitted on other rows may be worse in truth though nothing changed, and then the verdict is right.`,
    '',
    'The gates of the story take a margin and state no error rate. What states one is the verdict on a promotion: it hurt where the whole 95 % interval of its effect lies above 0, by chance alone in one of forty.',
    '',
    '| seed | windows | alarms | promoted after an alarm | judged | hurt | all judged | hurt |',
    '|---:|---:|---:|---:|---:|---:|---:|---:|',
    ...controls.map((one) => `| ${[one.seed, one.windows, one.alarms, one.promoted, one.judged, one.hurt, one.allJudged, one.allHurt].join(' | ')} |`),
    '',
  ].join('\n');
}

describe('the control of the story over twenty seeds', () => {
  it('keeps the budget of alarms, and what an alarm promotes hurts no more often than chance finds it', async () => {
    const controls: Control[] = [];
    for (let seed = 1; seed <= 20; seed += 1) controls.push(await control(seed));
    writeFileSync(join(root, 'docs', 'control.md'), page(controls));
    const held = heldTo(controls);
    // Alarms may be too few for a promotion to follow one; promotions there are.
    expect(sumOf(controls, 'allJudged')).toBeGreaterThan(20);
    expect({ controls, held }).toMatchObject({ held: { alarms: { within: true }, hurtAfterAlarm: { within: true } } });
  }, 7_200_000);
});
