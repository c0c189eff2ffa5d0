import { PassThrough } from 'node:stream';
import { Context, Interrupted, type Terminal } from './context';
import { paintFor } from './paint';

const terminal = (tty: boolean): { context: Context; stdin: PassThrough; stderr: PassThrough } => {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()].map((stream) => Object.assign(stream, { isTTY: tty }));
  return { context: new Context({ env: {}, stdin, stdout, stderr } as unknown as Terminal), stdin, stderr };
};

describe('a question', () => {
  it.each(['y\n', 'Yes\n'])('is answered by %j', async (answer) => {
    const { context, stdin, stderr } = terminal(true);
    stdin.write(answer);
    await context.confirm('Approve late/2?');
    expect(String(stderr.read())).toContain('Approve late/2? [y/N]');
  });

  it.each(['\n', 'no\n', '\x03'])('is not answered by %j: then nothing is done', async (answer) => {
    const { context, stdin } = terminal(true);
    stdin.write(answer);
    await expect(context.confirm('Approve?')).rejects.toThrow(Interrupted);
  });

  it('is a no when the input ends', async () => {
    const { context, stdin } = terminal(true);
    stdin.end();
    await expect(context.confirm('Approve?')).rejects.toThrow(Interrupted);
  });

  it('is not asked where nobody can answer', async () => {
    await expect(terminal(false).context.confirm('Approve?')).rejects.toMatchObject({ code: 'invalid', details: { hint: expect.stringContaining('--yes') } });
  });
});

describe('colour', () => {
  it('is for terminals whose owner did not say no', () => {
    expect(paintFor({ isTTY: true }, {})('red', 'x')).toBe('\x1b[31mx\x1b[39m');
    expect(paintFor({ isTTY: true }, { NO_COLOR: '1' })('red', 'x')).toBe('x');
    expect(paintFor({}, {})('red', 'x')).toBe('x');
  });
});
