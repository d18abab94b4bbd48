import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { command, directory, root } from './command.js';

const dataset = readFileSync(join(root, 'datasets/everyday.jsonl'), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as { id: string; input: string; metadata: { category: string } });

describe('ai-evals run without a provider', () => {
  test('asks the local model over HTTP, prints a summary and writes it as JSON', async () => {
    const file = join(directory(), 'out.json');
    const { code, stdout, stderr } = await command(['run', '--limit', '120', '--json', file]);
    expect(stderr).not.toContain('ai-evals:');
    expect(code).toBe(0);
    const summary = JSON.parse(readFileSync(file, 'utf8'));

    expect(summary.total).toBe(120);
    expect(summary.passed + summary.failed + summary.errors).toBe(120);
    expect(summary.errors).toBe(0);
    expect(summary.passRate).toBeCloseTo(summary.passed / 120, 12);
    expect(summary.passRate).toBeGreaterThan(0.75);
    expect(summary.passRate).toBeLessThan(1);
    expect(summary.results.map(({ id }: { id: string }) => id)).toEqual(dataset.slice(0, 120).map(({ id }) => id));
    const passed = summary.results.filter((result: { passed: boolean; score: number }) => result.passed);
    expect(passed).toHaveLength(summary.passed);
    for (const { score, passed } of summary.results) expect(score).toBe(passed ? 1 : 0);

    const categories = new Set(dataset.slice(0, 120).map(({ metadata }) => metadata.category));
    expect(Object.keys(summary.byCategory).sort()).toEqual([...categories].sort());
    const sum = (key: string) => Object.values(summary.byCategory).reduce((n: number, c) => n + (c as never)[key], 0);
    for (const key of ['total', 'passed', 'failed', 'errors']) expect(sum(key)).toBe(summary[key]);

    // Each repeated input is answered once, whether the first answer was there already or still under way.
    const distinct = new Set(dataset.slice(0, 120).map(({ input }) => input)).size;
    expect(summary.cache.misses).toBe(distinct);
    expect(summary.cache.hits + summary.cache.shared).toBe(120 - distinct);
    expect(summary.cache.hitRate).toBeCloseTo((120 - distinct) / 120, 12);
    expect(summary.latency.count).toBeGreaterThanOrEqual(distinct);
    expect(summary.latency.p50).toBeGreaterThan(150);
    expect(summary.latency.p99).toBeGreaterThanOrEqual(summary.latency.p95);
    expect(summary.tokens.total).toBe(summary.tokens.prompt + summary.tokens.completion);
    expect(summary.cost).toBeGreaterThan(0);
    expect(summary.bottlenecks.at(-1)).toMatchObject({ component: 'model-call', severity: 'low' });
    expect(stdout).not.toContain('critical');
    expect(summary.durationMs).toBeGreaterThan(500);

    for (const word of [`${summary.passed} of 120 cases passed`, ...categories, 'latency', 'p95', 'tokens', 'cost']) {
      expect(stdout).toContain(word);
    }
    for (const word of ['cache', 'throttled', 'bottlenecks', 'model-call']) expect(stdout).toContain(word);
    for (const line of stdout.split('\n')) expect(line.length, line).toBeLessThanOrEqual(80);
    expect(stdout + stderr).not.toContain('\u001b');
    expect(stderr).toMatch(/120\/120 \(100%\)/);
  });

  test('gives the same verdicts again, with and without the cache', async () => {
    const dir = directory();
    const run = async (name: string, ...flags: string[]) => {
      const file = join(dir, name);
      expect((await command(['run', '--limit', '40', '--json', file, ...flags])).code).toBe(0);
      return JSON.parse(readFileSync(file, 'utf8'));
    };
    const first = await run('a.json');
    const uncached = await run('b.json', '--no-cache', '--concurrency', '20');
    const verdicts = ({ results }: { results: Record<string, unknown>[] }) =>
      results.map(({ id, passed, score, actual }) => ({ id, passed, score, actual }));
    expect(verdicts(uncached)).toEqual(verdicts(first));
    expect(uncached.cache).toMatchObject({ enabled: false, hits: 0, shared: 0, misses: 40, hitRate: 0 });
  });
});

test('--help names every flag within 80 columns, --version the version', async () => {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  expect(await command(['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
  expect((await command(['run', '--version'])).stdout).toBe(`${version}\n`);
  expect((await command(['--help'])).stdout).toContain('ai-evals run');
  const { code, stdout } = await command(['run', '--help']);
  expect(code).toBe(0);
  const require = createRequire(import.meta.url);
  const { RUN_FLAGS } = require('../../.facade/cli/run_options.js') as typeof import('../../ts/cli/run_options.js');
  for (const flag of Object.keys(RUN_FLAGS)) expect(stdout).toContain(`--${flag}`);
  for (const line of stdout.split('\n')) expect(line.length, line).toBeLessThanOrEqual(80);
});
