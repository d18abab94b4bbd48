// Score many results on every core.
import assert from 'node:assert/strict';
import { ScoringWorkerPool } from '@aah/ai-evals/orchestrator';
import { tokenF1 } from '@aah/ai-evals/scorers';

const scorer = tokenF1();
const results = Array.from({ length: 100 }, (_, i) => ({
  expected: 'The student is eligible for the spring season of this year.',
  actual: i % 4 === 0 ? 'The student is not.' : 'the student is eligible for the spring season of this year',
}));

const pool = new ScoringWorkerPool(7);

// One by one: the calls of one turn of the event loop cross into native code together.
const scoring = Promise.all(results.map((r) => pool.execute(() => scorer.score(r.expected, r.actual))));
const { activeWorkers, queuedTasks } = pool.getStats();
console.log(
  `${activeWorkers} at work, ${queuedTasks} waiting, ${(pool.getStats().utilization * 100).toFixed(1)} % used`,
);
const scores = await scoring;

// Or as a batch, which is the fastest way.
const batch = await pool.scoreBatch(scorer, results);

console.log(`mean score ${(batch.reduce((sum, score) => sum + score, 0) / batch.length).toFixed(3)}`);
assert.equal(scores.filter(({ passed }) => passed).length, 75);
assert.deepEqual(
  [...batch],
  scores.map(({ score }) => score),
);
assert.equal(pool.getStats().maxWorkers, 7);
assert.ok(activeWorkers <= 7);
await pool.close();
