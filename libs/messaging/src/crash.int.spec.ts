import { openTestLog } from '../spec/open-log';
import { crashContract } from './crash.contract';

describe('outbox and inbox over the log in Postgres', () => crashContract(() => openTestLog()));
