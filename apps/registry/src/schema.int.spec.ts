import { checkSchema } from '@rhei/testing';
import { join } from 'node:path';
import { RegistryModule } from './index';

it('has the tables that schema.sql shows', () => checkSchema(RegistryModule, join(__dirname, 'schema.sql')));
