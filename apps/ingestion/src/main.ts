import { run } from '@rhei/runtime';
import { IngestionModule } from './ingestion.module';

void run([IngestionModule]);
