import { run } from '@rhei/runtime';
import { FeatureModule } from './feature.module';

void run([FeatureModule]);
