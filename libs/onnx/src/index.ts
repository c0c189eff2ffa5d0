export { ModelRefused } from './errors';
export { writeTreeModel, FEATURES_KEY, type TreeEnsemble, type TreeModel } from './write-tree-model';
export { readModel, type ModelInfo, type TensorInfo, type DataType } from './read-model';
export { firstDifference } from './model-difference';
export { vetModel, VET_LIMITS, type VetLimits } from './vet-model';
