const { existsSync, readFileSync, rmSync } = require('node:fs');
const { join } = require('node:path');

const alive = (pid) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

/** Ends the cluster of this run, if one was started, and removes its folder. */
module.exports = async () => {
  const folder = process.env.RHEI_TEST_CLUSTER;
  if (!folder || process.env.RHEI_TEST_RUNNER !== String(process.pid)) return;
  const started = join(folder, 'started.json');
  if (existsSync(started)) {
    const { pid } = JSON.parse(readFileSync(started, 'utf8'));
    if (alive(pid)) process.kill(pid, 'SIGQUIT');
    for (let waited = 0; alive(pid) && waited < 10_000; waited += 20) await new Promise((resolve) => setTimeout(resolve, 20));
  }
  rmSync(folder, { recursive: true, force: true });
};
