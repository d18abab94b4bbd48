import { createRequire } from 'node:module';
import * as everything from '@aah/ai-evals';
import * as aiSdk from '@aah/ai-evals/ai-sdk';
import * as orchestrator from '@aah/ai-evals/orchestrator';
import * as performance from '@aah/ai-evals/performance';
import * as scorers from '@aah/ai-evals/scorers';
import { describe, expect, expectTypeOf, test } from 'vitest';

const require = createRequire(import.meta.url);
type Exports = Record<string, unknown>;

const PERFORMANCE = [
  ...['LRUCache', 'ResponseCache', 'EmbeddingCache', 'QueryCache', 'CacheInvalidator', 'CacheManager', 'cacheManager'],
  ...['DatasetStream', 'BatchProcessor', 'ResultWriter', 'PerformanceMonitor', 'performanceMonitor', 'Measure'],
  ...['Benchmark', 'BenchmarkSuite', 'benchmarkCache'],
];
const ORCHESTRATOR = ['ParallelExecutor', 'ScoringWorkerPool', 'PROVIDER_LIMITS'];
const AI_SDK = ['cacheMiddleware', 'embeddingCacheMiddleware'];
const SCORERS = [
  ...[
    'exactMatch',
    'contains',
    'startsWith',
    'endsWith',
    'pattern',
    'numericAnswer',
    'jsonMatch',
    'squadExact',
    'tokenF1',
  ],
  ...['levenshtein', 'osa', 'damerauLevenshtein', 'indel', 'lcs', 'jaro', 'jaroWinkler', 'fuzzy', 'rouge', 'meteor'],
  ...['bleu', 'corpusBleu', 'chrf', 'corpusChrf', 'ter', 'corpusTer'],
];

describe('the entry points', () => {
  test('export the values of the contract', () => {
    expect(Object.keys(performance)).toEqual(expect.arrayContaining(PERFORMANCE));
    expect(Object.keys(orchestrator)).toEqual(expect.arrayContaining(ORCHESTRATOR));
    expect(Object.keys(aiSdk)).toEqual(expect.arrayContaining(AI_SDK));
    expect(Object.keys(scorers)).toEqual(expect.arrayContaining(SCORERS));
    const all = [...PERFORMANCE, ...ORCHESTRATOR, ...AI_SDK, ...SCORERS];
    expect(Object.keys(everything)).toEqual(expect.arrayContaining(all));
  });

  test('are one implementation: through any of them, required or imported, a class is the same class', () => {
    for (const [name, imported] of [
      ['@aah/ai-evals/performance', performance],
      ['@aah/ai-evals/orchestrator', orchestrator],
      ['@aah/ai-evals/ai-sdk', aiSdk],
      ['@aah/ai-evals/scorers', scorers],
      ['@aah/ai-evals', everything],
    ] as [string, Exports][]) {
      const required = require(name) as Exports;
      expect(Object.keys(required).sort()).toEqual(
        Object.keys(imported)
          .filter((key) => key !== 'default' && key !== 'module.exports')
          .sort(),
      );
      for (const [key, value] of Object.entries(required)) {
        expect(imported[key], key).toBe(value);
        expect((everything as Exports)[key], key).toBe(value);
      }
    }
  });

  test('show no internals: no native class, no loader', () => {
    for (const [name, value] of Object.entries(everything)) {
      expect(name).not.toMatch(/native(?!LoadError|PanicError)|binding|guarded/i);
      if (typeof value === 'function')
        expect(Function.prototype.toString.call(value), name).not.toContain('[native code]');
    }
    for (const inside of ['dist/index.js', 'dist/binding.cjs', 'native', 'cache']) {
      expect(() => require(`@aah/ai-evals/${inside}`), inside).toThrow(/not defined by "exports"/);
    }
  });

  test('let the manifest be read', () => {
    expect(require('@aah/ai-evals/package.json')).toMatchObject({ name: '@aah/ai-evals' });
  });

  test('are one declaration for the type checker', () => {
    expectTypeOf<performance.LRUCache<string>>().toEqualTypeOf<everything.LRUCache<string>>();
    expectTypeOf<typeof performance.ResponseCache>().toEqualTypeOf<typeof everything.ResponseCache>();
    expectTypeOf<orchestrator.ParallelExecutor>().toEqualTypeOf<everything.ParallelExecutor>();
    expectTypeOf<performance.TestCase<string, number>>().toEqualTypeOf<orchestrator.TestCase<string, number>>();
    expectTypeOf<performance.RunResult<string>>().toEqualTypeOf<orchestrator.RunResult<string>>();
    // A class has private members, so two declarations of it would not be assignable to each other.
    const cache: everything.LRUCache<number> = new performance.LRUCache<number>();
    expect(cache).toBeInstanceOf(everything.LRUCache);
  });

  test('have the types of the contract', () => {
    expectTypeOf<performance.CacheStats>().toHaveProperty('hitRate').toEqualTypeOf<number>();
    expectTypeOf<performance.StreamStats>().toHaveProperty('throughput').toEqualTypeOf<number>();
    expectTypeOf<performance.StreamConfig>().toHaveProperty('batchSize');
    expectTypeOf<performance.PerformanceMeasurement>().toHaveProperty('name');
    expectTypeOf<performance.ComponentTiming>().toHaveProperty('p99Duration').toEqualTypeOf<number>();
    expectTypeOf<performance.Bottleneck['severity']>().toEqualTypeOf<'critical' | 'high' | 'medium' | 'low'>();
    expectTypeOf<performance.PerformanceBaseline['components']>().toExtend<Map<string, performance.ComponentTiming>>();
    expectTypeOf<performance.PerformanceRegression['severity']>().toEqualTypeOf<'critical' | 'major' | 'minor'>();
    expectTypeOf<performance.PerformanceReport['summary']>().toHaveProperty('slowestComponent').toEqualTypeOf<string>();
    expectTypeOf<performance.BenchmarkConfig['name']>().toEqualTypeOf<string>();
    expectTypeOf<NonNullable<performance.BenchmarkResult['memoryUsage']>>()
      .toHaveProperty('delta')
      .toEqualTypeOf<number>();
    expectTypeOf<performance.BenchmarkComparison['verdict']>().toEqualTypeOf<'faster' | 'slower' | 'similar'>();
    expectTypeOf<performance.BenchmarkSuiteResult>().toHaveProperty('benchmarks');
    expectTypeOf<orchestrator.ExecutionTask<string, number>>().toHaveProperty('testCase');
    expectTypeOf<orchestrator.ExecutionResult<string>>().toHaveProperty('executionTime').toEqualTypeOf<number>();
    expectTypeOf<orchestrator.RateLimiter>().toHaveProperty('currentTokens').toEqualTypeOf<number>();
    expectTypeOf<orchestrator.WorkerConfig>().toHaveProperty('rateLimit');
    expectTypeOf<orchestrator.ExecutionMetrics>().toHaveProperty('parallelEfficiency').toEqualTypeOf<number>();
    expectTypeOf<orchestrator.RunnerConfig>().toHaveProperty('modelId').toEqualTypeOf<string>();
    expectTypeOf<{ prompt: number; completion: number; total: number }>().toExtend<orchestrator.TokenUsage>();
    expectTypeOf<orchestrator.EvalError['type']>().toEqualTypeOf<'execution' | 'scoring' | 'system'>();
  });
});
