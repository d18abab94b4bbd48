// Is the new version really faster, or was it noise?
import assert from 'node:assert/strict';
import { Benchmark } from '@aah/ai-evals/performance';

const benchmark = new Benchmark();
const values = Array.from({ length: 2000 }, (_, i) => i);

const before = await benchmark.run({ name: 'search a list', iterations: 100 }, async () =>
  values.filter((value) => values.includes(value * 2)),
);
const known = new Set(values);
const after = await benchmark.run({ name: 'search a set', iterations: 100 }, async () =>
  values.filter((value) => known.has(value * 2)),
);

const comparison = benchmark.compare(before, after);
Benchmark.printComparison(comparison);
const isBetter = comparison.verdict === 'faster' && comparison.significance === 'significant';
console.log(isBetter ? 'keep it' : 'not worth it');
assert.ok(isBetter);
