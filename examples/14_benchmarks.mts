// How long each scorer takes: the cheaper one is, the more often it runs.
import assert from 'node:assert/strict';
import { Benchmark } from '@aah/ai-evals/performance';

const benchmark = new Benchmark();
const text = 'the student is eligible to compete this season '.repeat(20);

const exactMatch = await benchmark.run(
  { name: 'exact match', iterations: 1000 },
  async () => text === `${text.slice(0, -1)} `,
);
const wordOverlap = await benchmark.run({ name: 'word overlap', iterations: 100 }, async () => {
  const words = new Set(text.split(' '));
  return text.split(' ').filter((word) => words.has(word)).length;
});
const judge = await benchmark.run({ name: 'judge', iterations: 50 }, async () => {
  await new Promise((resolve) => setTimeout(resolve, 1)); // stands for a call to a model
});

const results = [exactMatch, wordOverlap, judge];
for (const result of results) Benchmark.print(result);

results.sort((a, b) => a.avgDuration - b.avgDuration);
console.log(`fastest first: ${results.map(({ name }) => name).join(', ')}`);
assert.equal(results.at(-1)?.name, 'judge');
assert.ok(results.every(({ avgDuration }) => avgDuration > 0));
