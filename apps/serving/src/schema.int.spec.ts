import { checkSchema } from '@rhei/testing';
import { join } from 'node:path';
import { ServingModule } from './index';

it('has the tables that schema.sql shows', () => checkSchema(ServingModule, join(__dirname, 'schema.sql')));
