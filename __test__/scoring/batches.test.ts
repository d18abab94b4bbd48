import { AsyncLocalStorage } from 'node:async_hooks';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ScoringWorkerPool } from '@aah/ai-evals/orchestrator';
import { allOf, bleu, damerauLevenshtein, jsonSchema, levenshtein, rouge, type Scorer } from '@aah/ai-evals/scorers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { root } from '../lifecycle/child.js';

/** Texts that look like answers, always the same. */
function answers(count: number, words: number): { expected: string; actual: string }[] {
  let seed = 1;
  const random = (below: number) => {
    seed = (seed * 16807) % 2147483647;
    return seed % below;
  };
  const text = () => Array.from({ length: words }, () => `w${random(50)}`).join(' ');
  return Array.from({ length: count }, () => ({ expected: text(), actual: text() }));
}

const long = (length: number, letter: string) => letter.repeat(length);

describe('scoreBatch', () => {
  test.each([1, 2, 3])('gives the bits of scoreSync with %i workers', async (workers) => {
    await using pool = new ScoringWorkerPool(workers);
    for (const scorer of [levenshtein(), rouge({ type: 'rougeL', stemmer: true }), bleu()]) {
      const pairs = answers(700, 12);
      const scores = await pool.scoreBatch(scorer, pairs);
      expect(scores).toBeInstanceOf(Float64Array);
      expect([...scores]).toEqual(pairs.map(({ expected, actual }) => scorer.scoreSync(expected, actual).score));
    }
  });

  test('keeps the order across texts of all lengths, surrogates, several references and no answers', async () => {
    await using pool = new ScoringWorkerPool(2);
    const pairs = Array.from({ length: 3000 }, (_, i) => ({
      expected: i % 3 === 0 ? [long(i % 70, 'é'), 'x'] : i % 331 === 0 ? long(300_000, '\ud83d') : `t${i}`,
      actual: i % 5 === 0 ? null : i % 331 === 0 ? `${long(300_000, '\ud83d')}b` : `t${i % 7}😀`,
    }));
    const scorer = levenshtein();
    const scores = await pool.scoreBatch(scorer, pairs);
    expect([...scores]).toEqual(pairs.map(({ expected, actual }) => scorer.scoreSync(expected, actual).score));
  });

  test('packs texts of every length around the size of a piece, of every width', async () => {
    await using pool = new ScoringWorkerPool(2);
    const lengths = [0, 1, 255, 256, 257, 16_127, 16_383, 16_384, 16_385, 32_768, 40_000];
    const pairs = ['a', 'é', 'あ', '😀', '\ud83d'].flatMap((symbol) =>
      lengths.map((length) => ({ expected: [symbol.repeat(length), 'b'], actual: `${symbol.repeat(length)}c` })),
    );
    const scorer = levenshtein({ unit: 'utf16' });
    const scores = await pool.scoreBatch(scorer, pairs);
    expect([...scores]).toEqual(pairs.map(({ actual }) => 1 - 1 / actual.length));
  });

  test('keeps the texts of batches that are packed at the same time apart', async () => {
    await using pool = new ScoringWorkerPool(2);
    const scorer = levenshtein();
    const batches = [...'abcd'].map((letter) =>
      // Long enough to be packed in many turns.
      Array.from({ length: 40 }, (_, i) => ({ expected: long(200_000, letter), actual: long(200_000 + i, letter) })),
    );
    const scored = await Promise.all(batches.map((pairs) => pool.scoreBatch(scorer, pairs)));
    for (const scores of scored) {
      expect([...scores]).toEqual(Array.from({ length: 40 }, (_, i) => 1 - i / (200_000 + i)));
    }
  });

  test('scores nothing without pairs', async () => {
    await using pool = new ScoringWorkerPool(1);
    expect(await pool.scoreBatch(levenshtein(), [])).toEqual(new Float64Array(0));
  });

  test('refuses a bad pair with its index before any work', async () => {
    await using pool = new ScoringWorkerPool(1);
    const pairs = [...answers(3, 2), { expected: {} as never, actual: 'a' }];
    await expect(pool.scoreBatch(levenshtein(), pairs)).rejects.toThrow(/^pairs\[3\]\.expected/);
    await expect(pool.scoreBatch(levenshtein(), [null as never])).rejects.toThrow(/^pairs\[0\]/);
    await expect(pool.scoreBatch(levenshtein(), {} as never)).rejects.toThrow(TypeError);
    await expect(pool.scoreBatch({} as never, [])).rejects.toThrow(TypeError);
  });

  test('refuses a pair over maxCells with its index', async () => {
    await using pool = new ScoringWorkerPool(2);
    const pairs = [...answers(2, 1), { expected: long(200, 'a'), actual: long(200, 'b') }];
    await expect(pool.scoreBatch(levenshtein({ maxCells: 1000 }), pairs)).rejects.toThrow(/^pairs\[2\]: .*40000 cells/);
  });

  test('reports progress up to the end', async () => {
    await using pool = new ScoringWorkerPool(2);
    const reports: [number, number][] = [];
    await pool.scoreBatch(levenshtein(), answers(500, 3), { onProgress: (...report) => reports.push(report) });
    expect(reports.at(-1)).toEqual([500, 500]);
    expect(reports).toEqual([...reports].sort(([a], [b]) => a - b));
  });

  test('goes on when onProgress throws, and warns once', async () => {
    await using pool = new ScoringWorkerPool(1);
    const warned = new Promise<Error>((resolve) => process.once('warning', resolve));
    const onProgress = () => {
      throw new Error('progress bar');
    };
    expect(await pool.scoreBatch(levenshtein(), answers(5, 1), { onProgress })).toHaveLength(5);
    expect((await warned).message).toContain('progress bar');
  });

  test('refuses an option that there is not', async () => {
    await using pool = new ScoringWorkerPool(1);
    const options = { sginal: AbortSignal.abort() } as never;
    await expect(pool.scoreBatch(levenshtein(), [], options)).rejects.toThrow(/unknown option sginal/);
    await expect(levenshtein().scoreAll([], options)).rejects.toThrow(TypeError);
  });

  test('scores the list as it is at the call', async () => {
    await using pool = new ScoringWorkerPool(2);
    const own = { ...levenshtein(), score: async () => ({ score: 1, passed: true }) } as Scorer<string, string>;
    const schema = jsonSchema({ type: 'string' });
    for (const score of [
      (pairs: ReturnType<typeof answers>) => pool.scoreBatch(levenshtein(), pairs),
      (pairs: ReturnType<typeof answers>) => pool.scoreBatch(own, pairs),
      (pairs: ReturnType<typeof answers>) => levenshtein().scoreAll(pairs),
      (pairs: ReturnType<typeof answers>) => allOf([levenshtein(), bleu()]).scoreAll(pairs),
      (pairs: ReturnType<typeof answers>) => schema.scoreAll(pairs),
    ]) {
      const list = answers(3000, 3);
      const scoring = score(list);
      list.length = 0;
      expect(await scoring).toHaveLength(3000);
    }
  });

  test('scores pairs that are longer than a segment, and segments of empty pairs', async () => {
    await using pool = new ScoringWorkerPool(2);
    const text = long(600_000, 'ab');
    const pairs = [
      { expected: text, actual: `${text}c` },
      ...Array.from({ length: 40_000 }, () => ({ expected: '', actual: '' })),
      ...Array.from({ length: 20_000 }, () => ({ expected: 'a', actual: null })),
      { expected: [text, `${text}d`], actual: `${text}d` },
    ];
    const scores = await pool.scoreBatch(levenshtein(), pairs);
    expect(scores[0]).toBe(1 - 1 / (text.length + 1));
    expect(scores.subarray(1, 40_001).every((score) => score === 1)).toBe(true);
    expect(scores.subarray(40_001, 60_001).every((score) => score === 0)).toBe(true);
    expect(scores[60_001]).toBe(1);
  });

  test('ends at an abort even inside a pair, and frees the thread', async () => {
    await using pool = new ScoringWorkerPool(1);
    const abort = new AbortController();
    // 4e10 cells one by one: a minute at least.
    const pairs = [{ expected: long(200_000, 'a'), actual: long(200_000, 'b') }];
    const batch = pool.scoreBatch(damerauLevenshtein(), pairs, { signal: abort.signal });
    await new Promise((later) => setTimeout(later, 30));
    const reason = new Error('enough');
    abort.abort(reason);
    await expect(batch).rejects.toBe(reason);
    // The only thread is free again: this would wait for a minute otherwise.
    expect(await pool.scoreBatch(levenshtein(), answers(1, 2))).toHaveLength(1);
    await expect(pool.scoreBatch(levenshtein(), pairs, { signal: abort.signal })).rejects.toBe(reason);
  });

  test('leaves the event loop free while it packs and scores 40 MB', async () => {
    await using pool = new ScoringWorkerPool(2);
    const text = long(20_000, 'abcdefghij '.repeat(1)).slice(0, 20_000);
    const pairs = Array.from({ length: 500 }, () => ({ expected: text, actual: `${text}x` }));
    let turns = 0;
    let counting = true;
    const count = (): void => {
      turns += 1;
      if (counting) setImmediate(count);
    };
    setImmediate(count);
    await pool.scoreBatch(levenshtein(), pairs);
    counting = false;
    // Packed at one go there would be a turn or two.
    expect(turns).toBeGreaterThan(10);
  });

  test('gives the event loop a turn between texts of a million characters put together of parts', async () => {
    await using pool = new ScoringWorkerPool(2);
    // Two million and one: a text that by itself may take a turn.
    const pairs = Array.from({ length: 4 }, () => ({ expected: long(2_000_001, 'a'), actual: long(2_000_001, 'a') }));
    let [turns, counting] = [0, true];
    const count = (): void => {
      turns += 1;
      if (counting) setImmediate(count);
    };
    setImmediate(count);
    expect([...(await pool.scoreBatch(levenshtein(), pairs))]).toEqual([1, 1, 1, 1]);
    counting = false;
    // At least one before each of the eight texts, however fast the machine is.
    expect(turns).toBeGreaterThanOrEqual(8);
  });

  test('runs a scorer in JavaScript on the main thread, as many pairs at once as there are workers', async () => {
    await using pool = new ScoringWorkerPool(3);
    let [running, most] = [0, 0];
    const scorer: Scorer<string, string> = {
      name: 'own',
      threshold: 1,
      scoreSync: () => ({ score: 0, passed: false }),
      scoreAll: () => Promise.reject(new Error('unused')),
      async score(expected, actual) {
        running += 1;
        most = Math.max(most, running);
        await new Promise((later) => setImmediate(later));
        running -= 1;
        if (actual === 'boom') throw new Error('boom');
        return { score: expected === actual ? 1 : 0.5, passed: true };
      },
    };
    const scores = await pool.scoreBatch(scorer, [...answers(20, 1), { expected: 'a', actual: 'a' }]);
    expect(scores).toHaveLength(21);
    expect(scores[20]).toBe(1);
    expect(most).toBe(3);
    await expect(pool.scoreBatch(scorer, [{ expected: 'a', actual: 'boom' }])).rejects.toThrow('boom');
    expect(pool.getStats()).toMatchObject({ activeWorkers: 0, queuedTasks: 0 });
  });
});

describe('execute', () => {
  const scorer = levenshtein();
  const pairs = answers(300, 60);

  test('computes what a closure scores on the native threads, and counts it', async () => {
    await using pool = new ScoringWorkerPool(2);
    const scoring = pairs.map(({ expected, actual }) => pool.execute(() => scorer.score(expected, actual)));
    // Every closure has begun: native work takes no slot for closures.
    expect(pool.getStats()).toEqual({ maxWorkers: 2, activeWorkers: 2, queuedTasks: 298, utilization: 1 });
    const alone = pairs.map(({ expected, actual }) => scorer.scoreSync(expected, actual));
    expect(await Promise.all(scoring)).toEqual(alone);
    expect(pool.getStats()).toEqual({ maxWorkers: 2, activeWorkers: 0, queuedTasks: 0, utilization: 0 });
  });

  test('keeps closures that go on after a score within maxWorkers', async () => {
    await using pool = new ScoringWorkerPool(2);
    let [running, most] = [0, 0];
    const results = await Promise.all(
      pairs.slice(0, 40).map(({ expected, actual }) =>
        pool.execute(async () => {
          const { score } = await scorer.score(expected, actual);
          running += 1;
          most = Math.max(most, running);
          await new Promise((later) => setImmediate(later));
          running -= 1;
          return score;
        }),
      ),
    );
    expect(results).toEqual(pairs.slice(0, 40).map(({ expected, actual }) => scorer.scoreSync(expected, actual).score));
    expect(most).toBeLessThanOrEqual(2);
    expect(pool.getStats().activeWorkers).toBe(0);
  });

  test('rejects only the call whose pair is too large', async () => {
    await using pool = new ScoringWorkerPool(1);
    const bounded = levenshtein({ maxCells: 30_000 });
    const [small, large] = await Promise.allSettled([
      pool.execute(() => bounded.score(long(150, 'a'), long(150, 'b'))),
      pool.execute(() => bounded.score(long(200, 'a'), long(200, 'b'))),
    ]);
    expect(small).toMatchObject({ status: 'fulfilled', value: { score: 0 } });
    expect(large).toMatchObject({ status: 'rejected', reason: expect.any(RangeError) });
  });

  test('runs a closure in the asynchronous context of its call', async () => {
    await using pool = new ScoringWorkerPool(1);
    const context = new AsyncLocalStorage<number>();
    const seen = await Promise.all(
      [1, 2, 3].map((id) =>
        context.run(id, () =>
          pool.execute(async () => {
            await new Promise((later) => setImmediate(later));
            return context.getStore();
          }),
        ),
      ),
    );
    expect(seen).toEqual([1, 2, 3]);
  });

  test('awaits native work at close', async () => {
    const pool = new ScoringWorkerPool(1);
    const scored = pool.execute(() => scorer.score(pairs[0]!.expected, pairs[0]!.actual));
    const batch = pool.scoreBatch(scorer, pairs);
    await pool.close();
    expect((await scored).score).toBe(scorer.scoreSync(pairs[0]!.expected, pairs[0]!.actual).score);
    expect(await batch).toHaveLength(pairs.length);
    await expect(pool.scoreBatch(scorer, pairs)).rejects.toMatchObject({ code: 'ERR_CLOSED' });
  });
});

describe('executeModule', () => {
  let folder: string;
  let url: URL;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'scoring-module-'));
    const file = join(folder, 'scorer.mjs');
    writeFileSync(
      file,
      `import { threadId } from 'node:worker_threads';
       export const share = async (expected, actual) => ({ score: expected === actual ? 1 : 0, threadId });
       export const fail = () => { throw new RangeError('no score'); };
       export const die = () => process.exit(3);
       export const strange = () => () => 1;
       export const value = 5;`,
    );
    url = pathToFileURL(file);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('calls an exported function on another thread', async () => {
    await using pool = new ScoringWorkerPool(2);
    const results = await Promise.all(
      Array.from({ length: 6 }, (_, i) =>
        pool.executeModule<{ score: number; threadId: number }>(url, 'share', ['a', i % 2 ? 'a' : 'b']),
      ),
    );
    expect(results.map(({ score }) => score)).toEqual([0, 1, 0, 1, 0, 1]);
    expect(new Set(results.map(({ threadId }) => threadId)).size).toBe(2);
    expect(results.every(({ threadId }) => threadId !== 0)).toBe(true);
  });

  test('rejects with the error of the function, and with what cannot be copied', async () => {
    await using pool = new ScoringWorkerPool(1);
    await expect(pool.executeModule(url, 'fail', [])).rejects.toMatchObject({
      name: 'RangeError',
      message: 'no score',
    });
    await expect(pool.executeModule(url, 'strange', [])).rejects.toThrow(/could not be cloned/);
    await expect(pool.executeModule(url, 'share', [() => 1])).rejects.toThrow(/could not be cloned/);
    await expect(pool.executeModule(url, 'value', [])).rejects.toThrow(/exports no function value/);
    await expect(pool.executeModule('file:///nowhere.mjs', 'share', [])).rejects.toThrow(/nowhere/);
    expect(await pool.executeModule(url, 'share', ['a', 'a'])).toMatchObject({ score: 1 });
  });

  test('rejects the task of a thread that dies, and no other', async () => {
    await using pool = new ScoringWorkerPool(2);
    const [dead, alive] = await Promise.allSettled([
      pool.executeModule(url, 'die', []),
      pool.executeModule(url, 'share', ['a', 'a']),
    ]);
    expect(dead).toMatchObject({ status: 'rejected', reason: { code: 'ERR_WORKER_DIED' } });
    expect(alive).toMatchObject({ status: 'fulfilled', value: { score: 1 } });
    expect(await pool.executeModule(url, 'share', ['a', 'a'])).toMatchObject({ score: 1 });
    expect(pool.getStats().activeWorkers).toBe(0);
  });

  test('refuses wrong arguments', async () => {
    await using pool = new ScoringWorkerPool(1);
    await expect(pool.executeModule(5 as never, 'share')).rejects.toThrow(TypeError);
    await expect(pool.executeModule(url, 5 as never)).rejects.toThrow(TypeError);
    await expect(pool.executeModule(url, 'share', 'args' as never)).rejects.toThrow(TypeError);
  });

  test('an idle pool with native and worker threads does not keep the process alive', () => {
    const program = `
      const { ScoringWorkerPool } = require('@aah/ai-evals/orchestrator');
      const { levenshtein } = require('@aah/ai-evals/scorers');
      const pool = new ScoringWorkerPool(2);
      pool.scoreBatch(levenshtein(), [{ expected: 'a', actual: 'b' }])
        .then(() => pool.executeModule(${JSON.stringify(url.href)}, 'share', ['a', 'a']))
        .then(({ score }) => console.log('score', score));`;
    const { stdout, status } = spawnSync(process.execPath, ['-e', program], {
      cwd: root,
      encoding: 'utf8',
      timeout: 60_000,
    });
    expect({ stdout, status }).toEqual({ stdout: 'score 1\n', status: 0 });
  });
});
