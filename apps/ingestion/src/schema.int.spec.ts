import { checkSchema } from '@rhei/testing';
import { join } from 'node:path';
import { IngestionModule } from './index';

it('has the tables that schema.sql shows', () => checkSchema(IngestionModule, join(__dirname, 'schema.sql')));
