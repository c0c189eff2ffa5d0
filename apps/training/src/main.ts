import { run } from '@rhei/runtime';
import { TrainingModule } from './training.module';

void run([TrainingModule]);
