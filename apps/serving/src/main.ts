import { run } from '@rhei/runtime';
import { ServingModule } from './serving.module';

void run([ServingModule]);
