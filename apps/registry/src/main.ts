import { run } from '@rhei/runtime';
import { RegistryModule } from './registry.module';

void run([RegistryModule]);
