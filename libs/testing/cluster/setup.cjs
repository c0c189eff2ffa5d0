const { mkdtempSync, chmodSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');

/** Names the folder in which the first spec that needs a database starts the cluster of this run. */
module.exports = async () => {
  if (process.env.RHEI_TEST_CLUSTER) return;
  const folder = mkdtempSync(join(tmpdir(), 'rhei-test-'));
  chmodSync(folder, 0o755);
  process.env.RHEI_TEST_CLUSTER = folder;
  process.env.RHEI_TEST_RUNNER = String(process.pid);
};
