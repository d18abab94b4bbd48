// Score many results with a bounded number of scorers at work.
import assert from 'node:assert/strict';
import { ScoringWorkerPool } from '@aah/ai-evals/orchestrator';

const scorer = {
  async score(expected: string, actual: string): Promise<number> {
    const wanted = new Set(expected.split(' '));
    const found = actual.split(' ').filter((word) => wanted.has(word)).length;
    return found / wanted.size;
  },
};

const results = Array.from({ length: 100 }, (_, i) => ({
  expected: 'the student is eligible',
  actual: i % 4 === 0 ? 'the student is not' : 'the student is eligible',
}));

const pool = new ScoringWorkerPool(7);
const scoring = Promise.all(results.map((r) => pool.execute(() => scorer.score(r.expected, r.actual))));
const { activeWorkers, queuedTasks } = pool.getStats();
console.log(
  `${activeWorkers} at work, ${queuedTasks} waiting, ${(pool.getStats().utilization * 100).toFixed(1)} % used`,
);
const scores = await scoring;

console.log(`mean score ${(scores.reduce((sum, score) => sum + score, 0) / scores.length).toFixed(3)}`);
assert.equal(scores.filter((score) => score === 1).length, 75);
assert.equal(pool.getStats().maxWorkers, 7);
assert.ok(activeWorkers <= 7);
