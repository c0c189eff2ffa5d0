import { run } from '@rhei/runtime';
import { MonitoringModule } from './monitoring.module';

void run([MonitoringModule]);
