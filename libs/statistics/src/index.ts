export { binomialRange } from './binomial-range';
export { bucketsOf, placeOf, withEmptyBuckets, type Bucket, type BucketedReference } from './buckets';
export { benjaminiHochberg, decideDrift, type DriftEvidence, type DriftVerdict } from './decide-drift';
export { binOf, categoricalBinning, histogram, histogramOf, labelsOf, numericBinning, quantileEdges, sizeOf, type Binning, type Value } from './histogram';
export { binomialInterval, blockBootstrap, wilsonInterval, type Interval, type PairedComparison } from './intervals';
export { psi } from './psi';
export { quantileOfSorted } from './quantile';
export { bucketSums, rateTest, type BucketSum, type RateTest, type RateTestOptions } from './rate-test';
export { drawsFor, windowTest, type WindowTest, type WindowTestOptions } from './window-test';
