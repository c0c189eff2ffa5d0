/**
 * Makes or brings up to date the log's tables, its map of topics and the rights of the roles `rhei_<service>` that exist.
 * `adminUrl` names the log's database, as its owner. Safe to run again, and by many at once.
 */
export async function installPostgresLog(_adminUrl: string): Promise<void> {
  throw new Error('not built yet');
}
