export { TabularError, FitCancelled } from './errors';
export { tableOf, rowsOf, labelsOf, type Table, type Labels } from './table';
export { boostingParams, DEFAULT_PARAMS, type BoostingParams } from './params';
export { fitBoosting, type FitOptions } from './boosting';
export { predict, margins, baseRate, type Ensemble } from './ensemble';
export { auc, logLoss, brier, METRICS, type Metric } from './metrics';
export { permutationImportance, type Importance } from './importance';
export { splitByTime, type TimeSplit } from './time-split';
