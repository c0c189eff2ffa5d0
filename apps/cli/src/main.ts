import { run } from './run';

// A reader that has seen enough (`rhei … | head`) is no failure, nor is a terminal that was closed.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error;
  process.exit(0);
});
process.once('SIGINT', () => {
  process.stderr.write('\nInterrupted.\n');
  process.exit(130);
});

void run(process.argv.slice(2), process).then((code) => {
  process.exitCode = code;
});
