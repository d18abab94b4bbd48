// The figures of a dashboard: time from the monitor, hits and memory from the caches.
import assert from 'node:assert/strict';
import { cacheManager, performanceMonitor } from '@aah/ai-evals/performance';

for (let i = 0; i < 20; i += 1) {
  performanceMonitor.measureSync('lookup', () => {
    const input = `question ${i % 5}`;
    if (!cacheManager.responseCache.get(input, {})) cacheManager.responseCache.set(input, {}, `answer ${i % 5}`);
  });
}
performanceMonitor.measureSync('embedding', () => cacheManager.embeddingCache.set('text', Array(384).fill(0.5)));

const report = performanceMonitor.generateReport();
const stats = cacheManager.getAllStats();

console.log(`Total duration:     ${report.totalDuration.toFixed(2)} ms`);
console.log(`Components:         ${report.summary.totalComponents}`);
console.log(`Slowest:            ${report.summary.slowestComponent}`);
console.log(`Response hit rate:  ${(stats.response.hitRate * 100).toFixed(1)} %`);
console.log(`Cache memory:       ${((stats.response.memoryUsage + stats.embedding.memoryUsage) / 1024).toFixed(1)} KB`);

assert.equal(report.summary.totalComponents, 2);
assert.equal(stats.response.hitRate, 0.75);
assert.ok(stats.embedding.memoryUsage > 384 * 4);
