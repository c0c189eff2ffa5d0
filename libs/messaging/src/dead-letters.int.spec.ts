import { Client } from 'pg';
import { openTestLog } from '../spec/open-log';
import { deadLettersContract, typeOfTomorrow } from './dead-letters.contract';

describe('events that were set aside, with the log in Postgres', () => {
  deadLettersContract(async () => {
    const log = await openTestLog();
    // As the installation of a newer version leaves it.
    const admin = new Client({ connectionString: log.adminUrl });
    await admin.connect();
    await admin.query(`INSERT INTO event_type VALUES ($1, 'registry.models', 'registry')`, [typeOfTomorrow]);
    await admin.end();
    const newer = log.open('registry');
    return { connect: (service) => log.open(service), close: () => log.close(), appendOfTomorrow: (...appended) => newer.append(...appended) };
  });
});
