// Compare a run with an earlier one, and stop a release that became much slower.
import assert from 'node:assert/strict';
import { performanceMonitor } from '@aah/ai-evals/performance';

function busy(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

for (let i = 0; i < 30; i += 1) performanceMonitor.measureSync('scoring', () => busy(0.1));
performanceMonitor.setBaseline('v1.0-optimized');

performanceMonitor.reset();
for (let i = 0; i < 30; i += 1) performanceMonitor.measureSync('scoring', () => busy(4));

const regressions = performanceMonitor.detectRegressions('v1.0-optimized', { critical: 50, major: 25, minor: 10 });
for (const { component, percentChange, severity, threshold } of regressions) {
  console.log(`${component} is ${percentChange.toFixed(0)} % slower: ${severity} (above ${threshold} %)`);
}

function release(): void {
  if (regressions.some(({ severity }) => severity === 'critical')) throw new Error('a critical regression');
}
assert.throws(release, /critical regression/);

const report = JSON.stringify(performanceMonitor.generateReport('v1.0-optimized'), null, 2);
console.log(`${report.length} characters of report`);
assert.equal(JSON.parse(report).regressions[0].component, 'scoring');
