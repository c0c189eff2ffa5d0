/** First halves of advisory lock keys in a service's database; messaging has its own. A purpose never shares one. */
export const CLOCK_LOCK = 1_380_470_001;
export const MIGRATION_LOCK = 1_380_470_002;
export const RESOURCE_LOCK = 1_380_470_004;
