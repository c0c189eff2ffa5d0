import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { nearest } from './nearest';
import { run } from './run';

const rhei = async (...args: string[]): Promise<{ code: number; out: string; err: string }> => {
  const streams = { stdout: new PassThrough(), stderr: new PassThrough(), stdin: new PassThrough() };
  const code = await run(args, { env: { RHEI_DATA: '/nowhere' }, ...streams } as unknown as Parameters<typeof run>[1]);
  return { code, out: String(streams.stdout.read() ?? ''), err: String(streams.stderr.read() ?? '') };
};

describe('a wrong call', () => {
  it('ends with 2 and names the nearest command', async () => {
    expect(await rhei('stauts')).toEqual({ code: 2, out: '', err: expect.stringContaining("invalid: unknown command 'stauts'. Did you mean status?") });
    expect((await rhei('status', '--jso')).err).toContain('Did you mean --json?');
    expect((await rhei('get', 'modl')).err).toContain('did you mean Model?');
    expect((await rhei('why', 'versoin', 'a/1')).err).toContain('did you mean version?');
  });

  it.each([
    [['apply'], "required option '-f, --file <path...>' not specified"],
    [['reject', 'm', '1'], "required option '--reason <text>' not specified"],
    [['approve', 'flight-late', 'last'], '"flight-late last" names no version'],
    [['runs', 'start'], "missing required argument 'plan'"],
    [['status', 'extra'], 'too many arguments'],
    [['replay', 'story.yaml', '--rows', '0'], 'Expected a whole number above zero, got "0"'],
    [['get', '-o', 'xml'], 'Allowed choices are table, yaml, json'],
    [['predict', 'departures'], 'The request has no fields'],
    [['predict', 'departures', 'distance'], '"distance" is no field'],
    [['predict', 'departures', 'a=1', 'a=2'], 'The field "a" is there twice'],
    [['status'], 'no /nowhere/platform.json'],
    [['status', '--url', 'nonsense', '--token', 't'], 'The address "nonsense" from --url is no URL'],
  ])('%j ends with 2 and says what is wrong', async (args, message) => {
    const { code, out, err } = await rhei(...args);
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain(message);
  });

  it('is told as JSON to a program', async () => {
    const { code, err } = await rhei('stauts', '--json');
    expect(code).toBe(2);
    expect(JSON.parse(err)).toEqual({ code: 'invalid', message: "unknown command 'stauts'. Did you mean status?", field: 'command', expected: expect.any(String), got: 'stauts', hint: expect.any(String), retryable: false });
  });
});

describe('what the parser refuses', () => {
  it.each([
    [['status', '--nonsense'], '--nonsense', 'an option that this command has', '--nonsense'],
    [['runs', 'start'], 'plan', 'a value', 'nothing'],
    [['runs', 'list', '--limit'], '--limit <n>', 'a value', 'nothing'],
    [['runs', 'list', '--limit', 'all'], '--limit <n>', 'a whole number above zero', 'all'],
    [['runs', 'list', '--state', 'done'], '--state <state>', 'one of open, waiting, running, succeeded, failed, cancelled', 'done'],
    [['predictions', 'replay', 'p1', 'x'], 'version', 'a whole number above zero', 'x'],
    [['predictions', 'list', '--from', 'noon'], '--from <instant>', expect.stringMatching(/RFC 3339|instant/), 'noon'],
    [['apply'], '-f, --file <path...>', 'a value', 'nothing'],
    [['status', 'extra'], 'arguments', '0', '1'],
    [['runs'], 'command', 'one of its commands', 'nothing'],
  ])('%j is told with the place, what was expected, and what came', async (args, field, expected, got) => {
    expect(JSON.parse((await rhei(...args, '--json')).err)).toMatchObject({ code: 'invalid', field, expected, got, hint: expect.any(String) });
  });
});

describe('help', () => {
  it('of a command can be asked for by name', async () => {
    expect(await rhei('help', 'runs', 'start')).toEqual(await rhei('runs', 'start', '--help'));
    expect(await rhei('help')).toEqual(await rhei());
    const { code, out, err } = await rhei('help', 'rusn');
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain('hint: did you mean runs?');
  });

  it('is printed when nothing was asked, the usual call first, and fits 80 columns', async () => {
    const { code, out } = await rhei();
    expect(code).toBe(0);
    expect(out.indexOf('rhei apply -f resources/')).toBeLessThan(out.indexOf('Usage:'));
    for (const line of out.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  });

  it.each(['apply', 'get', 'status', 'predict', 'runs', 'models', 'approve', 'reject', 'quarantine', 'why', 'audit', 'replay', 'topics'])('of %s has an example', async (command) => {
    const { code, out } = await rhei(command, '--help');
    expect(code).toBe(0);
    expect(out).toContain(`\n  rhei ${command} `.trimEnd());
  });
});

describe('a platform that is not there', () => {
  it('ends with 7 and says where address and token came from', async () => {
    const { code, err } = await rhei('status', '--url', 'http://127.0.0.1:9', '--token', 't');
    expect(code).toBe(7);
    expect(err).toContain('unavailable: Nobody answers at 127.0.0.1:10: connect ECONNREFUSED 127.0.0.1:10.');
    expect(err).toContain('address http://127.0.0.1:9 (gRPC 127.0.0.1:10) from --url; token from --token');
    const json = JSON.parse((await rhei('get', '--json', '--url', 'http://127.0.0.1:9', '--token', 't')).err) as object;
    expect(json).toMatchObject({ code: 'unavailable', retryable: true, addressFrom: '--url', tokenFrom: '--token' });
  });

  it('does not hide what is wrong with the files', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rhei-run-'));
    writeFileSync(join(folder, 'a.yaml'), 'kind: Sauce\n');
    const { code, err } = await rhei('apply', '-f', folder, '--url', 'http://127.0.0.1:9', '--token', 't');
    rmSync(folder, { recursive: true });
    expect(code).toBe(2);
    expect(err).toContain('a.yaml:1:1: this version is not known (expected rhei/v1, got nothing)');
    expect(err).toContain('invalid: 3 errors in the files; nothing was applied.');
  });
});

describe('the nearest word', () => {
  it('forgives a letter that is wrong, missing, doubled or exchanged, and nothing far', () => {
    expect(['stats', 'statuss', 'satus', 'sttaus'].map((word) => nearest(word, ['apply', 'status']))).toEqual(['status', 'status', 'status', 'status']);
    expect(nearest('nothing', ['apply', 'status'])).toBeUndefined();
  });
});
