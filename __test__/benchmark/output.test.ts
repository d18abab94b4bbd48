import { Benchmark, BenchmarkSuite } from '@aah/ai-evals/performance';
import { afterEach, describe, expect, test, vi } from 'vitest';

afterEach(() => {
  vi.restoreAllMocks();
});

function busy(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

describe('output', () => {
  const benchmark = new Benchmark();
  const quick = benchmark.runSync({ name: 'quick | 日本', iterations: 20 }, () => busy(0.02));
  const slow = benchmark.runSync({ name: 'slow', iterations: 20, warmupIterations: 1 }, () => busy(2));
  const width = (line: string) => [...line].reduce((sum, c) => sum + (/[\u3040-\u9fff]/.test(c) ? 2 : 1), 0);

  /** What `print` writes to stdout. */
  function printed(print: () => void): string {
    const log = vi.spyOn(console, 'log').mockImplementation(() => {});
    print();
    expect(log).toHaveBeenCalledTimes(1);
    return String(log.mock.calls[0]?.[0]);
  }

  test('a result is one aligned box with units that fit and no colour', () => {
    const text = printed(() => Benchmark.print(quick));
    expect(new Set(text.split('\n').map(width)).size).toBe(1);
    expect(text).toMatch(/Median +│ +2\d\.\d µs/);
    expect(text).toMatch(/^┌─+┐\n│ quick \| 日本 +│\n/);
    expect(text).not.toContain('\u001b');
  });

  test('a comparison shows both, the change, verdict, interval and p-value', () => {
    const text = printed(() => Benchmark.printComparison(benchmark.compare(quick, slow)));
    expect(text).toMatch(/Median +│ +2\d\.\d µs │ +[2-9]\.\d\d ms │ +-[\d]+ %/);
    expect(text).toMatch(/Verdict: slower \(significant\)\. .*95 %.*p < 0\.0001\./);
  });

  test('no figure is too large or too small for its table, and a style there is not is refused', () => {
    const of = (ms: number) =>
      Benchmark.format({ ...quick, avgDuration: ms, throughput: 1000 / ms, rme: ms }, 'markdown');
    expect(of(1e-12)).toContain('| Average | 1.00e-6 ns |');
    expect(of(1e300)).toContain('| Average | 1.00e+297 s |');
    expect(of(1e300)).toContain('| Margin of error | ±1.00e+300 % |');
    expect(of(Number.NaN)).not.toMatch(/NaN|Infinity/u);
    expect(() => Benchmark.format(quick, 'xml' as never)).toThrow(RangeError);
  });

  test('colour is for terminals that want it', () => {
    const comparison = benchmark.compare(quick, slow);
    const terminal = Object.getOwnPropertyDescriptor(process.stdout, 'isTTY');
    const { NO_COLOR, TERM } = process.env;
    try {
      Object.defineProperty(process.stdout, 'isTTY', { value: true, configurable: true });
      delete process.env.NO_COLOR;
      process.env.TERM = 'xterm';
      expect(Benchmark.formatComparison(comparison)).toContain('\u001b[31mslower\u001b[0m');
      process.env.NO_COLOR = '1';
      expect(Benchmark.formatComparison(comparison)).not.toContain('\u001b');
    } finally {
      Object.defineProperty(process.stdout, 'isTTY', terminal ?? { value: false, configurable: true });
      for (const [key, value] of Object.entries({ NO_COLOR, TERM })) {
        if (value === undefined) delete process.env[key];
        else process.env[key] = value;
      }
    }
  });

  test('a suite is a row each, also as Markdown and JSON', async () => {
    const suite = await new BenchmarkSuite('two')
      .add({ name: 'a|b', iterations: 3, warmupIterations: 0 }, () => busy(0.1))
      .add({ name: 'c', iterations: 3, warmupIterations: 0 }, () => busy(20))
      .run();
    const text = printed(() => BenchmarkSuite.printSummary(suite));
    expect(text).toContain('Fastest: a|b. Slowest: c.');
    const markdown = BenchmarkSuite.formatSummary(suite, 'markdown');
    expect(markdown).toMatch(/\| a\\\|b \| [\d.]+ [µm]s \|/);
    expect(JSON.parse(BenchmarkSuite.formatSummary(suite, 'json'))).toEqual(JSON.parse(JSON.stringify(suite)));
    expect(JSON.parse(Benchmark.format(quick, 'json'))).toEqual(quick);
    expect(Benchmark.format(slow, 'markdown')).toMatch(/^### slow\n\n\| Measure \| Value \|\n\| :--- \| ---: \|\n/);
  });
});
