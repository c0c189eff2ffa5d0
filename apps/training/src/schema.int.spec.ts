import { checkSchema } from '@rhei/testing';
import { join } from 'node:path';
import { TrainingModule } from './index';

it('has the tables that schema.sql shows', () => checkSchema(TrainingModule, join(__dirname, 'schema.sql')));
