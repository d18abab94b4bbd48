/** Types of the performance entry point, as callers of the TypeScript original use them. */
import {
  Benchmark,
  type BenchmarkResult,
  Measure,
  type PerformanceBaseline,
  PerformanceMonitor,
  type PerformanceRegression,
  type PerformanceReport,
  type UnjudgedChange,
} from '@aah/ai-evals/performance';
import { describe, expect, expectTypeOf, test } from 'vitest';

describe('types', () => {
  test('let memoryUsage of a result and confidence of a regression be left out', () => {
    const figures = {
      avgDuration: 1,
      minDuration: 1,
      maxDuration: 1,
      medianDuration: 1,
      p95Duration: 1,
      p99Duration: 1,
    };
    const result: BenchmarkResult = {
      name: 'a',
      iterations: 1,
      totalDuration: 1,
      stdDeviation: 0,
      throughput: 1000,
      ...figures,
    };
    const regression: PerformanceRegression = {
      component: 'a',
      baselineDuration: 1,
      currentDuration: 2,
      percentChange: 100,
      severity: 'critical',
      threshold: 50,
    };
    expect(new Benchmark().compare(result, result).improvement.memoryPercent).toBe(0);
    expect(Benchmark.format(result, 'markdown')).not.toMatch(/undefined|NaN/u);
    expect(regression.confidence).toBeUndefined();
    expectTypeOf<PerformanceReport['unjudged']>().toEqualTypeOf<UnjudgedChange[] | undefined>();
  });

  test('say that what the package returns has them', () => {
    expectTypeOf<ReturnType<Benchmark['runSync']>['memoryUsage']>().toEqualTypeOf<{
      before: number;
      after: number;
      delta: number;
    }>();
    const monitor = new PerformanceMonitor();
    expectTypeOf(monitor.generateReport().unjudged).toEqualTypeOf<UnjudgedChange[]>();
    expectTypeOf<ReturnType<PerformanceMonitor['detectRegressions']>[number]['confidence']>().toEqualTypeOf<number>();
  });

  test('accept listeners of any arguments and of none', () => {
    const monitor = new PerformanceMonitor();
    const seen: unknown[][] = [];
    // biome-ignore lint/suspicious/noExplicitAny: the listener of existing callers.
    const listener = (...args: any[]): void => void seen.push(args);
    monitor.on('start', listener);
    monitor.on('baseline-set', ({ id }: { id: string; baseline: PerformanceBaseline }) => seen.push([id]));
    monitor.on('reset', () => seen.push([]));
    monitor.measureSync('a', () => 1);
    monitor.setBaseline('b');
    monitor.reset();
    expect(seen.map((args) => args.length)).toEqual([1, 1, 0]);
  });
});

describe('Measure', () => {
  test('returns the descriptor it was given, so that it can be called as a function', () => {
    const target = { double: (value: number) => value * 2 };
    const descriptor = { value: target.double, configurable: true, enumerable: false, writable: true };
    const returned: PropertyDescriptor = Measure('double')(target, 'double', descriptor);
    expect(returned).toBe(descriptor);
    expect((returned.value as typeof target.double)(4)).toBe(8);
    expect(Measure(null as never)(target, 'double', { ...descriptor }).value(4)).toBe(8);
  });
});
