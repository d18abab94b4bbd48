/** Recommendations that follow from the figures of a report. */
import type { ExecutionMetrics } from '../executor/types.js';
import type { Metrics, Recommendation, Regression } from './types.js';

/** Accuracy in percent below which it is recommended to look at the model. */
const LOW_ACCURACY = 80;
/** Accuracy in percent below which a category is named. */
const LOW_CATEGORY = 70;
/** Milliseconds above which calls are slow. */
const SLOW = 5000;
/** US dollars above which a job is dear. */
const DEAR = 10;
const LOW_EFFICIENCY = 0.6;

/** Returns recommendations, the most urgent first; one that says so where there is nothing to do. */
export function recommendationsFor(
  metrics: Metrics,
  regressions: readonly Regression[],
  execution: ExecutionMetrics | undefined,
): Recommendation[] {
  if (metrics.totalTests === 0) return [nothing('No case was run', 'There are no results to judge.')];
  const found = [
    criticalRegressions(regressions),
    lowAccuracy(metrics),
    weakCategories(metrics),
    slowCalls(metrics),
    highCost(metrics),
    lowEfficiency(execution),
  ].flatMap((one) => one ?? []);
  return found.length > 0 ? found : [nothing('Nothing to do', 'All figures are within their bounds.')];
}

function nothing(title: string, description: string): Recommendation {
  return { type: 'accuracy', severity: 'low', title, description, actionable: false };
}

function criticalRegressions(regressions: readonly Regression[]): Recommendation | undefined {
  const critical = regressions.filter(({ severity }) => severity === 'critical');
  if (critical.length === 0) return undefined;
  const named = critical.map(
    ({ metric, testCaseId, percentChange }) => `${metric} ${testCaseId} (${percentChange.toFixed(1)} %)`,
  );
  return {
    type: 'regression',
    severity: 'high',
    title: `${critical.length} critical ${critical.length === 1 ? 'regression' : 'regressions'}`,
    description: `Far worse than the baseline: ${named.join(', ')}.`,
    actionable: true,
    suggestedActions: ['Compare the answers of the cases that broke', 'Take back the last change of prompt or model'],
  };
}

function lowAccuracy({ accuracy, errors, totalTests }: Metrics): Recommendation | undefined {
  if (!(accuracy < LOW_ACCURACY)) return undefined;
  const without = errors > 0 ? ` ${errors} of ${totalTests} calls gave no verdict.` : '';
  return {
    type: 'accuracy',
    severity: 'high',
    title: 'Low accuracy',
    description: `Accuracy is ${accuracy.toFixed(1)} %, below ${LOW_ACCURACY} %.${without}`,
    actionable: true,
    suggestedActions: ['Read the failed cases', 'Improve the prompt, or try another model'],
  };
}

function weakCategories({ breakdown }: Metrics): Recommendation | undefined {
  const weak = Object.values(breakdown).filter(({ accuracy }) => accuracy < LOW_CATEGORY);
  if (weak.length === 0) return undefined;
  const named = weak.map(({ category, accuracy }) => `${category} (${accuracy.toFixed(1)} %)`);
  return {
    type: 'accuracy',
    severity: 'medium',
    title: `${weak.length} weak ${weak.length === 1 ? 'category' : 'categories'}`,
    description: `Accuracy below ${LOW_CATEGORY} %: ${named.join(', ')}.`,
    actionable: true,
    suggestedActions: ['Add examples of these categories to the prompt'],
  };
}

function slowCalls({ avgLatency }: Metrics): Recommendation | undefined {
  if (!(avgLatency > SLOW)) return undefined;
  return {
    type: 'performance',
    severity: 'medium',
    title: 'Slow calls',
    description: `A call takes ${Math.round(avgLatency)} ms on average, more than ${SLOW} ms.`,
    actionable: true,
    suggestedActions: ['Use a faster model', 'Shorten prompts and answers', 'Cache answers'],
  };
}

function highCost({ totalCost }: Metrics): Recommendation | undefined {
  if (!(totalCost > DEAR)) return undefined;
  return {
    type: 'cost',
    severity: 'medium',
    title: 'High cost',
    description: `The job cost ${totalCost.toFixed(2)} $, more than ${DEAR} $.`,
    actionable: true,
    suggestedActions: ['Use a cheaper model', 'Cache answers'],
  };
}

function lowEfficiency(execution: ExecutionMetrics | undefined): Recommendation | undefined {
  const efficiency = execution?.parallelEfficiency;
  if (efficiency === undefined || !(efficiency < LOW_EFFICIENCY)) return undefined;
  return {
    type: 'performance',
    severity: 'low',
    title: 'Slots stood idle',
    description: `Calls used ${(100 * efficiency).toFixed(0)} % of the slots' time.`,
    actionable: true,
    suggestedActions: ['Raise the rate limits, or lower the concurrency'],
  };
}
