export { FeatureModule } from './feature.module';
