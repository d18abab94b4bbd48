import { exactMatch, ParallelExecutor } from '@aah/ai-evals';
import {
  type CaseRunner,
  type ComparedModel,
  formatComparisonReport,
  type ModelRunResult,
  passAtK,
  passHatK,
  runModelComparison,
  runParallelComparison,
  verdictAgreement,
} from '@aah/ai-evals/datasets';
import { EvalStore } from '@aah/ai-evals/store';
import { MockLanguageModelV3 } from 'ai/test';
import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { chatServer, completion } from './chat_server.js';

const casesOf = (count: number) =>
  Array.from({ length: count }, (_, i) => ({
    ...{ id: `c${i}`, input: i, expected: `right ${i}` },
    metadata: { category: i % 2 === 0 ? 'even' : 'odd' },
  }));

/** A runner that is right where `isRight` says so. */
function runner(isRight: (place: number, repeat: number) => boolean | Error, cost: number | null = 0.5): CaseRunner {
  return async ({ testCase, repeat = 0 }) => {
    const verdict = isRight(testCase.input as number, repeat);
    if (verdict instanceof Error) throw verdict;
    const tokenUsage = { prompt: 10, completion: 1, total: 11 };
    const metadata = {
      modelId: 'x',
      latency: 5,
      tokenUsage,
      timestamp: new Date(),
      finishReason: 'stop',
      usageReported: true,
    };
    const result: ModelRunResult = {
      ...{ testCaseId: testCase.id, input: testCase.input, expected: testCase.expected },
      actual: verdict ? testCase.expected : 'wrong',
      metadata: cost === null ? metadata : { ...metadata, cost },
    };
    return result;
  };
}

const compare = (models: ComparedModel[], more: object = {}, count = 40) =>
  runModelComparison({ dataset: casesOf(count), models, scorer: exactMatch(), ...more });

describe('passAtK and passHatK', () => {
  /** The share of all choices of k of n answers, of which the first c are right, that satisfy `test`. */
  const byEnumeration = (n: number, c: number, k: number, test: (right: number) => boolean) => {
    let [met, all] = [0, 0];
    for (let set = 0; set < 2 ** n; set += 1) {
      const chosen = Array.from({ length: n }, (_, i) => (set >> i) & 1);
      if (chosen.filter(Boolean).length !== k) continue;
      all += 1;
      if (test(chosen.slice(0, c).filter(Boolean).length)) met += 1;
    }
    return met / all;
  };

  test('equal the shares of all choices of k answers', () => {
    for (let n = 1; n <= 7; n += 1) {
      for (let c = 0; c <= n; c += 1) {
        for (let k = 1; k <= n; k += 1) {
          expect(passAtK(n, c, k)).toBeCloseTo(
            byEnumeration(n, c, k, (right) => right > 0),
            12,
          );
          expect(passHatK(n, c, k)).toBeCloseTo(
            byEnumeration(n, c, k, (right) => right === k),
            12,
          );
        }
      }
    }
  });

  test('stay within 0 and 1 for numbers whose binomials overflow, and refuse a k beyond n', () => {
    expect(passAtK(5000, 2500, 1000)).toBe(1);
    expect(passHatK(5000, 4999, 2500)).toBeCloseTo(0.5, 9);
    expect(() => passAtK(3, 1, 4)).toThrow(/k must be at most n \(3\)/);
    expect(() => passHatK(3, 4, 1)).toThrow(/c must be at most n/);
  });
});

describe('verdictAgreement', () => {
  test('is the share of pairs with the same verdict', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { minLength: 2, maxLength: 12 }), (verdicts) => {
        const pairs = verdicts.flatMap((a, i) => verdicts.slice(i + 1).map((b) => Number(a === b)));
        const share = pairs.reduce((sum, same) => sum + same, 0) / pairs.length;
        expect(verdictAgreement(verdicts.length, verdicts.filter(Boolean).length)).toBeCloseTo(share, 12);
      }),
    );
  });
});

describe('runModelComparison', () => {
  test('counts every call once: errors are not passes, and are shown apart', async () => {
    const flaky = runner((place) => (place < 36 ? new Error('broken') : true));
    const { models } = await compare([{ name: 'flaky', runner: flaky }], { retries: 0 });
    expect(models[0]).toMatchObject({ total: 40, passed: 4, failed: 0, errors: 36, passRate: 0.1, avgScore: 0.1 });
    expect(models[0]!.errorMessages).toEqual({ broken: 36 });
  });

  test('makes an error of an answer without output and of a scorer that throws, and gives no score of a half', async () => {
    const noOutput: CaseRunner = async (task, context) => {
      const result = await runner(() => true)(task, context);
      return { ...result, metadata: { ...result.metadata, error: 'not JSON' } } as ModelRunResult;
    };
    const scorer = (_: unknown, { id }: { id: string }) => {
      if (id === 'c0') throw new Error('no verdict');
      return id === 'c1' ? Number.NaN : true;
    };
    const models = [
      { name: 'a', runner: noOutput },
      { name: 'b', runner: runner(() => true) },
    ];
    const report = await compare(models, { scorer }, 4);
    expect(report.models.map(({ passed, failed, errors, avgScore }) => [passed, failed, errors, avgScore])).toEqual([
      [0, 0, 4, 0],
      [2, 0, 2, 0.5],
    ]);
    expect(Object.keys(report.models[1]!.errorMessages).sort()).toEqual([
      'the scorer failed: no verdict',
      'the scorer failed: the score must be a finite number, got NaN',
    ]);
    await expect(compare(models, { scorer: undefined })).rejects.toThrow(/scorer must be/);
  });

  test('asks cases × models × repeats on one executor, never above its concurrency', async () => {
    let [inFlight, most] = [0, 0];
    const asked = new Map<string, number>();
    const counted =
      (name: string): CaseRunner =>
      async (task, context) => {
        inFlight += 1;
        most = Math.max(most, inFlight);
        const key = `${name} ${task.testCase.id} ${task.repeat}`;
        asked.set(key, (asked.get(key) ?? 0) + 1);
        await new Promise(setImmediate);
        inFlight -= 1;
        return runner(() => true)(task, context);
      };
    const done: number[] = [];
    const onProgress = (count: number, total: number) => {
      done.push(count);
      expect(total).toBe(90);
    };
    const models = ['a', 'b', 'c'].map((name) => ({ name, runner: counted(name) }));
    await compare(models, { repeats: 3, concurrency: 4, onProgress }, 10);
    expect([asked.size, most, Math.max(...asked.values())]).toEqual([90, 4, 1]);
    expect(done).toEqual(Array.from({ length: 90 }, (_, i) => i + 1));
    const executor = new ParallelExecutor({ rateLimit: {} });
    await compare(models, { executor }, 2);
    expect(asked.size).toBe(90);
  });

  test('gives agreement, pass@k and pass^k per model and per case', async () => {
    const half = runner((place, repeat) => place === 0 || repeat === 0);
    const { models, byCase } = await compare([{ name: 'half', runner: half }], { repeats: 2 }, 2);
    expect(models[0]).toMatchObject({ passRate: 0.75, agreement: 0.5, passAtK: [0.75, 1], passHatK: [0.75, 0.5] });
    expect(byCase).toEqual([
      {
        testCaseId: 'c0',
        category: 'even',
        agreement: 1,
        models: { half: { passed: 2, errors: 0, repeats: 2, score: 1, agreement: 1 } },
      },
      {
        testCaseId: 'c1',
        category: 'odd',
        agreement: 0,
        models: { half: { passed: 1, errors: 0, repeats: 2, score: 0.5, agreement: 0 } },
      },
    ]);
  });

  test('does not take repeats for cases, nor twenty cases for certainty', async () => {
    const models = [{ name: 'all', runner: runner(() => true) }];
    const intervals = await Promise.all(
      [1, 5].map(async (repeats) => (await compare(models, { repeats }, 20)).models[0]!.passRateInterval),
    );
    expect(intervals[0]).toEqual(intervals[1]);
    expect(intervals[0]!.low).toBeCloseTo(0.839, 3);
  });

  test('leaves the cost out where no price is known, and says how many calls it lacks', async () => {
    const free = { name: 'unknown', runner: runner(() => true, null) };
    const mixed: CaseRunner = (task, context) =>
      runner(() => true, task.testCase.input === 0 ? null : 0.25)(task, context);
    const report = await compare([free, { name: 'mixed', runner: mixed }], {}, 3);
    expect(report.models[0]).not.toHaveProperty('cost');
    expect(report.models.map(({ cost, unpriced }) => [cost, unpriced])).toEqual([
      [undefined, 3],
      [0.5, 1],
    ]);
    const text = formatComparisonReport(report);
    expect(text).toContain('| unknown |');
    expect(text).toContain('$0.5000 of 2 calls');
  });

  test('asks models by the prompt they share, each with settings of its own', async () => {
    const server = await chatServer(() => completion('right 0'));
    const model = (modelId: string) =>
      new MockLanguageModelV3({
        modelId,
        doGenerate: async ({ temperature }) => ({
          content: [{ type: 'text', text: temperature === 0 ? 'right 0' : 'wrong' }],
          finishReason: { unified: 'stop', raw: 'stop' },
          usage: { inputTokens: { total: 1 }, outputTokens: { total: 1 } } as never,
          warnings: [],
        }),
      });
    const { models } = await runModelComparison({
      ...{ dataset: casesOf(1), scorer: exactMatch(), prompt: 'Q {{input}}' },
      models: [
        { baseURL: server.url, model: 'served' },
        model('sdk'),
        { name: 'sdk, cold', model: model('sdk'), config: { temperature: 0 } },
      ],
    });
    expect(models.map(({ name, passed }) => [name, passed])).toEqual([
      ['served', 1],
      ['sdk', 0],
      ['sdk, cold', 1],
    ]);
    expect(server.asked[0]!.body.messages).toEqual([{ role: 'user', content: 'Q 0' }]);
  });

  test('ends a cancelled comparison with what was answered, starts nothing more and tells what it did not ask', async () => {
    const stop = new AbortController();
    let calls = 0;
    const stopping: CaseRunner = async (task, context) => {
      calls += 1;
      if (calls === 11) {
        stop.abort(new Error('enough'));
        await new Promise<void>((resolve) => context.signal!.addEventListener('abort', () => resolve()));
      }
      return runner(() => true)(task, context);
    };
    const report = await compare([{ name: 'a', runner: stopping }], { signal: stop.signal, concurrency: 1 });
    expect([report.status, report.notRun, report.models[0]!.total, calls]).toEqual(['cancelled', 30, 10, 11]);
    expect(formatComparisonReport(report)).toContain('Cancelled: 30 calls were not made.');
  });

  test('runParallelComparison is the same function', () => {
    expect(runParallelComparison).toBe(runModelComparison);
  });

  test.each([
    [{ models: [] }, /models must be a list of at least one model/],
    [{ models: ['a', 'a'] }, /models of different names/],
    [{ models: [7] }, /models\[0\] must be/],
    [{ models: [{ name: 'a', runner: 7 }] }, /models\[0\].runner must be/],
    [{ repeats: 0 }, /repeats must be/],
    [{ confidence: 1 }, /confidence must be/],
    [{ dataset: [] }, /at least one case/],
    [{ dataset: [{ id: 'a' }, { id: 'a' }] }, /testCases\[1\].id must be an id that no other case has/],
    [{ scorer: { score: () => 1 } }, /scorer must be a scorer such as exactMatch\(\), or a function/],
  ])('refuses %j', async (options, reason) => {
    const models = [{ name: 'a', runner: runner(() => true) }];
    await expect(compare(models, options)).rejects.toThrow(reason);
  });
});

describe('the winner', () => {
  const better = (share: number) => runner((place) => place % 100 < share);

  test('is named where it is better than each other by more than chance', async () => {
    const models = [
      { name: 'poor', runner: better(40) },
      { name: 'good', runner: better(90) },
      { name: 'fair', runner: better(60) },
    ];
    const { winner, leaders, verdict, differences } = await compare(models, {}, 200);
    expect([winner, leaders]).toEqual(['good', ['good']]);
    expect(verdict).toBe('good is best with a score of 0.900 (95 % confidence).');
    expect(differences.every(({ pAdjusted, p }) => pAdjusted >= p && pAdjusted < 0.05)).toBe(true);
  });

  test('is none on a tie: not the first in the list, nor the one ahead by chance', async () => {
    const same = [
      { name: 'first', runner: better(70) },
      { name: 'second', runner: better(70) },
    ];
    const tie = await compare(same, {}, 100);
    expect([tie.winner, tie.leaders]).toEqual([null, ['first', 'second']]);
    expect(tie.models.map(({ winRate }) => winRate)).toEqual([50, 50]);
    const close = [
      { name: 'ahead', runner: better(72) },
      { name: 'behind', runner: better(70) },
    ];
    const { winner, verdict } = await compare(close, {}, 100);
    expect(winner).toBeNull();
    expect(verdict).toMatch(
      /^No winner: ahead scores highest \(0.720\), but not by more than chance over behind \(0.700\)/,
    );
  });

  test('is none on a handful of cases, however clear they are', async () => {
    const models = [
      { name: 'all', runner: runner(() => true) },
      { name: 'none', runner: runner(() => false) },
    ];
    for (const count of [1, 3, 5]) expect((await compare(models, {}, count)).winner).toBeNull();
    expect((await compare(models, {}, 8)).winner).toBe('all');
  });

  test('does not hide that a model failed to answer', async () => {
    const models = [
      { name: 'answers', runner: better(50) },
      { name: 'fails', runner: runner((place) => (place % 100 < 5 ? true : new Error('down'))) },
    ];
    const { winner, verdict } = await compare(models, { retries: 0 }, 100);
    expect(winner).toBe('answers');
    expect(verdict).toContain('Calls without a verdict count as not passed: fails 95.');
  });

  test('of equal models is named at most as often as the confidence allows', async () => {
    let [state, named] = [12_345, 0];
    const random = () => {
      state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
      return state / 2 ** 31;
    };
    const runs = 60;
    for (let i = 0; i < runs; i += 1) {
      const models = ['a', 'b', 'c'].map((name) => ({ name, runner: runner(() => random() < 0.5) }));
      if ((await compare(models, {}, 60)).winner !== null) named += 1;
    }
    // 5 % of 60 is 3; 10 would be a chance of one in two thousand.
    expect(named).toBeLessThan(10);
  });
});

describe('store', () => {
  test('a comparison of the same id asks only for what is missing, and gives the same figures', async () => {
    const store = await EvalStore.open('sqlite::memory:');
    onTestFinished(() => store.close());
    let calls = 0;
    let broken = true;
    const models = ['a', 'b'].map((name) => ({
      name,
      runner: (async (task, context) => {
        calls += 1;
        return runner((place) => (broken && place === 3 ? new Error('down') : place % 3 > 0), 0.1)(task, context);
      }) as CaseRunner,
    }));
    const options = { store, id: 'cmp', repeats: 2, retries: 0 };
    const first = await compare(models, options, 10);
    expect([calls, first.models[0]!.errors]).toEqual([40, 2]);
    broken = false;
    const second = await compare(models, options, 10);
    expect([calls, second.models[0]!.errors, second.models[0]!.total]).toEqual([44, 0, 20]);
    const third = await compare(models, options, 10);
    expect(calls).toBe(44);
    expect({ ...third, startTime: 0, endTime: 0, duration: 0 }).toEqual({
      ...second,
      startTime: 0,
      endTime: 0,
      duration: 0,
    });
    expect((await store.getRun('cmp:a'))?.status).toBe('completed');
    await expect(compare(models, { ...options, repeats: 3 }, 10)).rejects.toMatchObject({
      code: 'ERR_STORE_RUN_MISMATCH',
    });
  });
});

describe('formatComparisonReport', () => {
  test('is a table in which no name breaks out of its cell', async () => {
    const models = [
      { name: 'a|b\n<script>', runner: runner(() => true) },
      { name: 'c', runner: runner((place) => place > 3) },
    ];
    const text = formatComparisonReport(await compare(models, { repeats: 2 }, 20));
    expect(text).toContain('| a\\|b &lt;script> | 1.000 |');
    expect(text).toMatch(/pass@2 \| pass\^2 \| Agreement/);
    const tables = text.split('\n').filter((line) => line.startsWith('|'));
    expect(new Set(tables.slice(0, 4).map((line) => line.split(/(?<!\\)\|/).length)).size).toBe(1);
  });
});
