/** Scoring. */
export { type PoolStats, ScoringWorkerPool } from './pool.js';
