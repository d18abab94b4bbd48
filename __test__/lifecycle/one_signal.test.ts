/** One signal for all calls of a run, as users pass it. */
import { cacheMiddleware } from '@aah/ai-evals/ai-sdk';
import { ParallelExecutor, RateLimit } from '@aah/ai-evals/orchestrator';
import { DatasetStream, ResponseCache } from '@aah/ai-evals/performance';
import { wrapLanguageModel } from 'ai';
import { MockLanguageModelV3 } from 'ai/test';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const CALLS = 200;
const turn = () => new Promise((resolve) => setTimeout(resolve, 5));

let warnings: string[] = [];
const listen = (warning: Error) => warnings.push(warning.name);
beforeEach(() => {
  warnings = [];
  process.on('warning', listen);
});
afterEach(async () => {
  await turn();
  process.off('warning', listen);
  expect(warnings).toEqual([]);
});

/** What waits with a signal, and does not end by itself. */
const waits: Record<string, (signal: AbortSignal) => Promise<unknown>[]> = {
  'a computation': (signal) => {
    const cache = new ResponseCache();
    return each((i) => cache.getOrCompute(i % 3, null, () => new Promise<string>(() => {}), { signal }));
  },
  'a rate limit': (signal) => {
    const limit = new RateLimit({ requestsPerMinute: 1 });
    limit.tryAcquire();
    return each(() => limit.acquire({}, { signal }));
  },
  'a stream': (signal) => each(() => new DatasetStream().process(async (batch) => batch, { signal, untilEnd: true })),
  'an executor': (signal) =>
    each(async (i) => {
      const tasks = [{ id: `${i}`, testCase: { id: '', input: '', expected: '' }, runnerConfig: { modelId: 'm' } }];
      await new ParallelExecutor().executeTasks(tasks, () => new Promise<never>(() => {}), { signal });
      signal.throwIfAborted();
    }),
  'a model': (signal) => {
    const provider = new MockLanguageModelV3({ doStream: () => new Promise<never>(() => {}) });
    const model = wrapLanguageModel({ model: provider, middleware: cacheMiddleware(new ResponseCache()) });
    return each((i) => {
      const text = [{ type: 'text' as const, text: `${i % 3}` }];
      return Promise.resolve(model.doStream({ prompt: [{ role: 'user', content: text }], abortSignal: signal }));
    });
  },
};

function each(call: (i: number) => Promise<unknown>): Promise<unknown>[] {
  return Array.from({ length: CALLS }, (_, i) => call(i));
}

describe.each(Object.entries(waits))('%s', (_name, wait) => {
  test('that waits 200 times with one signal has one listener, none afterwards, and ends with its reason', async () => {
    const controller = new AbortController();
    const { signal } = controller;
    let listeners = 0;
    const { addEventListener, removeEventListener } = signal;
    signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
      listeners += 1;
      addEventListener.apply(signal, args);
    };
    signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
      listeners -= 1;
      removeEventListener.apply(signal, args);
    };
    const waiting = wait(signal);
    await turn();
    expect(listeners).toBe(1);
    const reason = new Error('the run is over');
    controller.abort(reason);
    const outcomes = await Promise.allSettled(waiting);
    expect(outcomes.filter((outcome) => outcome.status === 'rejected' && outcome.reason === reason)).toHaveLength(
      CALLS,
    );
    expect(listeners).toBe(0);
  });
});

test('a signal that is aborted when the values are there changes nothing', async () => {
  const cache = new ResponseCache();
  const controller = new AbortController();
  const { signal } = controller;
  let end = (_: string) => {};
  const value = new Promise<string>((resolve) => {
    end = resolve;
  });
  const settled = [1, 2, 3].map((i) => cache.getOrCompute(i, null, () => value, { signal }));
  end('paid');
  expect(await Promise.all(settled)).toEqual(['paid', 'paid', 'paid']);
  controller.abort();
  expect(cache.get(1, null)).toBe('paid');
});
