/** The reasons a run took as long as it did, each with advice that fits it. */
import type { Bottleneck, ComponentTiming } from '../monitor/index.js';
import { count, plural } from './wording.js';

/** The facts of a run that advice is given on. */
export interface RunFacts {
  durationMs: number;
  /** Milliseconds a limit held calls back. */
  throttleTime: number;
  /** Attempts that the provider turned away because of its limit. */
  refusals: number;
  /** Further attempts, those after refusals included. */
  retries: number;
  /** Calls, every attempt counted. */
  calls: number;
  concurrency: number;
  requestsPerMinute: number;
  tokensPerMinute: number;
  timing(component: string): Pick<ComponentTiming, 'totalDuration' | 'avgDuration'> | undefined;
}

/** Shares of a run's time from which a cause is worth a remark, in percent. */
const WORTH_A_REMARK = 20;

/**
 * Returns what took the time, worst first. Waiting for the model is what a run does: without limits and failures it is of
 * severity `low`, however much of the time it is.
 */
export function bottlenecksOf(facts: RunFacts): Bottleneck[] {
  const found = [limit(facts), failures(facts), own(facts, 'scoring'), own(facts, 'dataset-loading'), model(facts)];
  return found.filter((bottleneck) => bottleneck !== undefined);
}

function limit(facts: RunFacts): Bottleneck | undefined {
  const { durationMs, throttleTime, refusals, calls, requestsPerMinute, tokensPerMinute } = facts;
  const percentOfTotal = shareOf(throttleTime, durationMs);
  if (refusals === 0 && percentOfTotal < WORTH_A_REMARK) return undefined;
  const ours = `--rpm ${requestsPerMinute} and --tpm ${tokensPerMinute}`;
  const refused = `The provider turned ${plural(refusals, 'call')} of ${count(calls)} away (HTTP 429): its limit is below ${ours}. `;
  return {
    component: 'rate-limit',
    severity: percentOfTotal >= 50 ? 'high' : 'medium',
    avgDuration: throttleTime,
    percentOfTotal,
    impact: `Calls waited for a rate limit in ${percentOfTotal.toFixed(0)} % of the time.`,
    recommendation:
      refusals > 0
        ? `${refused}Set --rpm and --tpm to what the key allows, or ask for a higher limit.`
        : `Calls waited for ${ours}. Raise them if the key allows more.`,
  };
}

function failures({ retries, refusals, calls }: RunFacts): Bottleneck | undefined {
  const failed = retries - refusals;
  const percentOfTotal = shareOf(failed, calls);
  if (failed <= 0 || percentOfTotal < WORTH_A_REMARK) return undefined;
  return {
    component: 'failed-attempts',
    severity: percentOfTotal >= 50 ? 'high' : 'medium',
    avgDuration: 0,
    percentOfTotal,
    impact: `${plural(failed, 'attempt')} of ${count(calls)} failed and had to be repeated.`,
    recommendation: 'The provider fails or times out often: try a lower --concurrency or a longer --timeout.',
  };
}

/** A stage of our own that takes more of the time than it should. */
function own({ durationMs, timing }: RunFacts, component: string): Bottleneck | undefined {
  const { totalDuration = 0, avgDuration = 0 } = timing(component) ?? {};
  const percentOfTotal = shareOf(totalDuration, durationMs);
  if (percentOfTotal < WORTH_A_REMARK) return undefined;
  const advice =
    component === 'scoring'
      ? 'Scoring takes long: the answers or expected values are very large.'
      : 'Reading the dataset takes long: it is on a slow disk or pipe, or its records are large.';
  return {
    component,
    severity: percentOfTotal >= 50 ? 'high' : 'medium',
    avgDuration,
    percentOfTotal,
    impact: `It took ${percentOfTotal.toFixed(0)} % of the time.`,
    recommendation: advice,
  };
}

function model({ durationMs, throttleTime, concurrency, timing }: RunFacts): Bottleneck | undefined {
  const { totalDuration = 0, avgDuration = 0 } = timing('model-call') ?? {};
  if (totalDuration === 0) return undefined;
  // Of the time that calls could take when all slots are in use.
  const busy = shareOf(totalDuration, (durationMs - throttleTime) * concurrency);
  return {
    component: 'model-call',
    severity: 'low',
    avgDuration,
    percentOfTotal: shareOf(totalDuration / concurrency, durationMs),
    impact: 'The run waits for the model, as a run does.',
    recommendation:
      busy >= 80
        ? `All ${concurrency} slots were in use: a higher --concurrency makes it faster, as far as the limits allow.`
        : 'The slots of --concurrency were not all in use.',
  };
}

function shareOf(part: number, whole: number): number {
  return whole <= 0 ? 0 : Math.min(100, Math.max(0, (part / whole) * 100));
}
