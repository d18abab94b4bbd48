export { Benchmark } from './benchmark.js';
export type {
  BenchmarkComparison,
  BenchmarkConfig,
  BenchmarkResult,
  BenchmarkSuiteResult,
  MeasuredBenchmark,
} from './result.js';
export { BenchmarkSuite, benchmarkCache, type MeasurableCache } from './suite.js';
export type { TableStyle } from './tables.js';
