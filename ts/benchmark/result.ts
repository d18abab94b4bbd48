/** Configuration and results of benchmarks. Durations in milliseconds, sizes in bytes. */

/** Configuration of a benchmark. */
export interface BenchmarkConfig {
  name: string;
  description?: string | undefined;
  /**
   * Samples taken. Default 100 (`runSync`: 1000). A call of less than 50 µs is batched: a sample is then many calls, so that
   * all samples take about 50 ms together (5 ms each at most).
   */
  iterations?: number | undefined;
  /** Calls before the first sample. Default 10 (`runSync`: 100). Functions that are batched are warmed up until stable. */
  warmupIterations?: number | undefined;
  /** Run calls at once, `concurrency` of them. Only for `run`. Default: true when `concurrency` is given. */
  parallel?: boolean | undefined;
  /** Calls kept in flight, exactly. Default 10 when `parallel`. */
  concurrency?: number | undefined;
  /** Take no further sample after this many ms of sampling, even if `iterations` is not reached. Default: no limit. */
  timeBudget?: number | undefined;
  /** Calls per sample, instead of the number found by calibration. 1: every call is timed alone. */
  callsPerSample?: number | undefined;
}

/** Measurements of a benchmark: plain data, also after a trip through JSON. */
export interface BenchmarkResult {
  name: string;
  description?: string | undefined;
  /** Samples taken. */
  iterations: number;
  /** Sum of the samples, each the mean of its calls (in parallel: from the first call to the last), ms. */
  totalDuration: number;
  /** Mean duration of one call, ms. */
  avgDuration: number;
  minDuration: number;
  maxDuration: number;
  medianDuration: number;
  /** Nearest rank over samples; of batched calls, over the batches of about 50 µs that samples are made of. */
  p95Duration: number;
  p99Duration: number;
  /** Sample standard deviation of the samples (of batches where calls are batched), ms. */
  stdDeviation: number;
  /** Calls per second. */
  throughput: number;
  /** Heap used before and after the samples, bytes; garbage that is not yet collected counts. */
  memoryUsage?: { before: number; after: number; delta: number };
  /** Calls in one sample. */
  callsPerSample?: number;
  /** Systematic error of the mean, ms: the overhead that calibration took off is only known within it. */
  calibrationError?: number;
  /** Half of `confidenceInterval`, percent of the mean. */
  rme?: number;
  /** 95 % confidence interval of the mean, ms, from the means of rounds. */
  confidenceInterval?: [number, number];
  /** Samples beyond 3.5 robust standard deviations (median absolute deviation) from the median. Counted, not removed. */
  outliers?: number;
  /** Medians of up to 20 rounds of consecutive samples (batches), in time order: what comparisons are made on. */
  rounds?: number[];
  /** The machine's reference timing (what a fixed piece of work took), ms, median of each round; 0 when unknown. */
  referenceRounds?: number[];
}

/** A result as `Benchmark` returns it. */
export interface MeasuredBenchmark extends BenchmarkResult {
  memoryUsage: { before: number; after: number; delta: number };
}

/**
 * Two results side by side. Percentages are positive when the current one is better. What is optional is always there in
 * what `Benchmark` returns.
 */
export interface BenchmarkComparison {
  baseline: BenchmarkResult;
  current: BenchmarkResult;
  improvement: { durationPercent: number; throughputPercent: number; memoryPercent: number };
  verdict: 'faster' | 'slower' | 'similar';
  significance: 'significant' | 'moderate' | 'minor' | 'negligible';
  /** Change of the typical round, percent, positive when faster: outliers cannot pull it away. */
  roundsPercent?: number;
  /** Speed-up of the machine itself during the current run, percent of its reference timing; 0 if unknown. */
  machinePercent?: number;
  /** Two-sided p-value of "there is no difference"; of two runs one after the other it allows for what differs between runs. */
  pValue?: number;
  /** 95 % confidence interval of `improvement.durationPercent`. */
  confidenceInterval?: [number, number];
  /** Cliff's delta of the rounds, −1 to 1; positive when the current ones are faster. */
  effectSize?: number;
  /** True when the question is settled: a difference was found, or one of 5 % is ruled out (only rounds taken in turns can). */
  conclusive?: boolean;
  /**
   * Rounds each side needs, taken in turns by `compareInterleaved`, for a change of 5 % to be found nine times in ten; 0 when
   * `conclusive`. A round is a twentieth of the `iterations`: n times as many iterations count as n times as many rounds.
   */
  roundsNeeded?: number;
}

/** Results of a suite. */
export interface BenchmarkSuiteResult {
  name: string;
  timestamp: Date;
  /** In the order they were added. */
  benchmarks: BenchmarkResult[];
  summary: {
    totalBenchmarks: number;
    /** Sum of the benchmarks' `totalDuration`, ms. */
    totalDuration: number;
    /** By average duration; `'N/A'` when there is none. */
    fastestBenchmark: string;
    slowestBenchmark: string;
    /** Calls per second. */
    avgThroughput: number;
  };
}
