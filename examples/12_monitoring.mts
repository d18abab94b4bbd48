// Where an evaluation's time goes, and what to do about it.
import assert from 'node:assert/strict';
import { performanceMonitor } from '@aah/ai-evals/performance';

const work = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

performanceMonitor.start('total-evaluation');

performanceMonitor.start('dataset-loading');
await work(10);
performanceMonitor.end('dataset-loading');

performanceMonitor.start('runner-execution', { cases: 40 });
await work(90);
performanceMonitor.end('runner-execution');

performanceMonitor.start('scoring');
await work(20);
performanceMonitor.end('scoring');

performanceMonitor.start('report-generation');
await work(5);
performanceMonitor.end('report-generation');

const total = performanceMonitor.end('total-evaluation');
console.log(`the evaluation took ${total.toFixed(1)} ms`);

const bottlenecks = performanceMonitor.identifyBottlenecks({ criticalMs: 1000, criticalPercent: 20 });
for (const { component, impact, recommendation } of bottlenecks.filter(({ severity }) => severity === 'critical')) {
  console.log(`${component}: ${impact}\n  ${recommendation}`);
}
assert.ok(bottlenecks.some(({ component, severity }) => component === 'runner-execution' && severity === 'critical'));
assert.ok(total >= 120);
