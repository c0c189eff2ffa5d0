export { ServingModule } from './serving.module';
