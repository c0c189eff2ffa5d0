import { checkSchema } from '@rhei/testing';
import { join } from 'node:path';
import { FeatureModule } from './index';

it('has the tables that schema.sql shows', () => checkSchema(FeatureModule, join(__dirname, 'schema.sql')));
