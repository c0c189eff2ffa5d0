import { checkSchema } from '@rhei/testing';
import { join } from 'node:path';
import { MonitoringModule } from './index';

it('has the tables that schema.sql shows', () => checkSchema(MonitoringModule, join(__dirname, 'schema.sql')));
