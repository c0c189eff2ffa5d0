import { readOptions, type Options } from './options';

const read = (...args: string[]): Options => readOptions(args, 'story.yaml') as Options;

describe('the command line of npm start', () => {
  it('tells the story of the example in full unless it hears otherwise', () => {
    expect(read()).toEqual({ story: 'story.yaml', rows: undefined, seed: undefined, data: '.rhei', empty: false, once: false, report: undefined, reportDir: undefined, shuffleDays: false });
    expect(read('--rows', '150000', '--seed', '3', '--report-dir', 'out')).toMatchObject({ rows: 150_000, seed: 3, reportDir: 'out' });
  });

  it.each([
    [['--rows', '1.5'], '--rows'], [['--rows', '0'], '--rows'], [['--seed', 'x'], '--seed'], [['--seed', ''], '--seed'], [['--seed', '1e3'], '--seed'], [['--seed=-3'], '--seed'],
  ])('refuses %j, naming the option', (args, field) => {
    expect(() => read(...args)).toThrow(expect.objectContaining({ code: 'invalid', details: expect.objectContaining({ field }) }));
  });

  it('refuses what belongs to a story where there is none', () => {
    expect(() => read('--empty', '--seed', '4')).toThrow('--empty starts without a story; --seed belongs to one.');
    expect(() => read('--empty', '--rows', '4', '--report-dir', 'x')).toThrow('--rows and --report-dir belong to one.');
  });
});
