import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  CommonRecallConfigs,
  CommonRubrics,
  ExactMatchScorer,
  f1Scorer,
  LLMJudgeScorer,
  PrecisionRecallScorer,
  precisionScorer,
  RecallAtKScorer,
  RecallAtKSuite,
  recallScorer,
  SemanticSimilarityScorer,
} from '@aah/ai-evals/scorers';
import { describe, expect, test } from 'vitest';

/** A provider's server that answers each request by `reply`. */
async function serving(reply: (path: string, body: never) => unknown) {
  const requests: { path: string; headers: Record<string, unknown>; body: unknown }[] = [];
  const server: Server = createServer((request, response) => {
    let text = '';
    request.on('data', (part) => (text += part));
    request.on('end', () => {
      const body = JSON.parse(text);
      requests.push({ path: request.url!, headers: request.headers, body });
      const answer = reply(request.url!, body as never);
      response.statusCode = answer === undefined ? 500 : 200;
      response.end(JSON.stringify(answer ?? { error: 'down' }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const baseURL = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  return { requests, baseURL, close: () => server.close() };
}

describe('ExactMatchScorer', () => {
  const score = async (
    output: unknown,
    expected: unknown,
    options?: ConstructorParameters<typeof ExactMatchScorer>[0],
  ) => new ExactMatchScorer(options).score(output, expected);

  test('tells dates, maps, sets and buffers apart by their content', async () => {
    for (const [same, other] of [
      [() => new Date(5), new Date(6)],
      [() => new Map([['a', 1]]), new Map([['a', 2]])],
      [() => new Set([1]), new Set([2])],
      [() => new Uint8Array([1]), new Uint8Array([2])],
      [() => /a/g, /a/i],
      [() => Number.NaN, 0],
      [() => 5n, 6n],
    ] as [() => unknown, unknown][]) {
      expect(await score({ v: same() }, { v: same() })).toMatchObject({ score: 1, passed: true });
      expect((await score({ v: same() }, { v: other })).passed).toBe(false);
    }
  });

  test('takes null for a value', async () => {
    expect((await score(null, null)).passed).toBe(true);
    expect((await score({ a: 1 }, null)).passed).toBe(false);
    expect((await score(null, { a: 1 })).score).toBe(0);
  });

  test('scores the share of equal parts, never below 0', async () => {
    expect(await score({ a: 1, b: 2, c: { d: 3 } }, { a: 1, b: 5, c: { d: 3 } })).toMatchObject({
      score: 2 / 3,
      passed: false,
      reason: 'Output differs at b',
    });
    for (const [output, expected] of [
      [[1, 2, 3], []],
      [{}, { a: 1, b: 2, c: 3 }],
      ['x', [1, 2, 3]],
      [undefined, null],
    ]) {
      const found = (await score(output, expected)).score;
      expect(found >= 0 && found <= 1).toBe(true);
    }
  });

  describe('ignoreKeyOrder', () => {
    test('decides whether the order of keys matters', async () => {
      const [output, expected] = [
        { a: 1, b: { c: 1, d: 2 } },
        { b: { d: 2, c: 1 }, a: 1 },
      ];
      expect((await score(output, expected)).passed).toBe(true);
      expect((await score(output, expected, { ignoreKeyOrder: false })).passed).toBe(false);
      expect((await score(output, { ...output }, { ignoreKeyOrder: false })).passed).toBe(true);
    });
  });

  describe('ignorePaths', () => {
    test('are literal, need no root, and spare missing and extra keys', async () => {
      const ignorePaths = ['user.id', 'items[0].at', 'items.1.at', 'a.c'];
      const expected = {
        user: { id: 1 },
        items: [
          { at: 1, n: 1 },
          { at: 2, n: 2 },
        ],
        abc: 1,
      };
      const output = { user: {}, items: [{ n: 1 }, { at: 9, n: 2 }], abc: 1 };
      expect((await score(output, expected, { ignorePaths })).passed).toBe(true);
      expect((await score({ ...output, user: { id: 2 } }, expected, { ignorePaths })).passed).toBe(true);
      // `a.c` is no regular expression.
      expect((await score({ ...output, abc: 2 }, expected, { ignorePaths })).passed).toBe(false);
    });
  });

  test('compares text as the options say, at any depth', async () => {
    expect((await score([' Yes '], ['yes'], { caseInsensitive: true })).passed).toBe(true);
    expect((await score(' yes', 'yes', { trimWhitespace: false })).passed).toBe(false);
    expect(() => new ExactMatchScorer({ ignorePath: [] } as never)).toThrow(TypeError);
  });

  test('ends on cycles', async () => {
    const cycle = (): object => {
      const value: { self?: unknown } = {};
      value.self = value;
      return value;
    };
    expect((await score(cycle(), cycle())).passed).toBe(true);
  });
});

describe('SemanticSimilarityScorer', () => {
  test('asks OpenAI for embeddings, once for each text, and keeps them', async () => {
    const { requests, baseURL, close } = await serving((_path, { input }: { input: string[] }) => ({
      data: input.map((text, index) => ({ index, embedding: text === 'cat' ? [1, 0] : [0.8, 0.6] })).reverse(),
    }));
    try {
      const scorer = new SemanticSimilarityScorer({ apiKey: 'k', baseURL });
      expect(await scorer.score('dog', ' cat ')).toMatchObject({ score: 0.8, passed: true });
      expect((await scorer.score('dog', 'cat')).score).toBe(0.8);
      expect(requests).toHaveLength(1);
      expect(requests[0]).toMatchObject({ path: '/v1/embeddings', body: { model: 'text-embedding-3-large' } });
      expect(requests[0]?.headers.authorization).toBe('Bearer k');
      expect(scorer.getCacheStats()).toEqual({ size: 2, maxSize: 1000 });
      scorer.clearCache();
      expect(scorer.getCacheStats().size).toBe(0);
      expect((await scorer.score(' same', 'same ')).score).toBe(1);
      expect((await scorer.score('', 'same')).score).toBe(0);
      expect(requests).toHaveLength(1);
    } finally {
      close();
    }
  });

  test('scores 0 for a call that fails, and says why', async () => {
    const { baseURL, close } = await serving(() => undefined);
    try {
      const scored = await new SemanticSimilarityScorer({ apiKey: 'k', baseURL }).score('a', 'b');
      expect(scored).toMatchObject({ score: 0, passed: false });
      expect(scored.metadata?.error).toContain('500');
    } finally {
      close();
    }
  });
});

describe('LLMJudgeScorer', () => {
  const chat = (content: string) => ({ choices: [{ message: { content } }] });

  test('weighs the criteria of its rubric', async () => {
    const scores = { Accuracy: 1, Helpfulness: 0.5, Clarity: 0, Tone: 1 };
    const { requests, baseURL, close } = await serving(() =>
      chat(JSON.stringify({ scores, passed: false, reasoning: 'r' })),
    );
    try {
      const scored = await new LLMJudgeScorer({ apiKey: 'k', baseURL }).score('output', 'expected');
      // (2·1 + 1.5·0.5 + 1·0 + 0.5·1) / 5; what the model says of passing does not count.
      expect(scored).toMatchObject({ score: 0.65, passed: false, reason: 'r', breakdown: scores });
      const { path, body } = requests[0] as { path: string; body: Record<string, unknown> };
      expect(path).toBe('/v1/chat/completions');
      expect(body).toMatchObject({ model: 'gpt-4o', temperature: 0, response_format: { type: 'json_object' } });
      expect(JSON.stringify(body)).toContain('Accuracy');
    } finally {
      close();
    }
  });

  test('takes no score outside 0 to 1 and no missing one', async () => {
    const rubric = [{ name: 'A', weight: 1 }];
    for (const scores of [{ A: 7 }, { A: '1' }, {}]) {
      const { requests, baseURL, close } = await serving(() => chat(JSON.stringify({ scores })));
      try {
        const judge = new LLMJudgeScorer({ apiKey: 'k', baseURL, rubric });
        await expect(judge.score('o', 'e')).rejects.toMatchObject({ code: 'ERR_MALFORMED_VERDICT' });
        expect(requests).toHaveLength(3);
      } finally {
        close();
      }
    }
  });

  test('takes one score for the whole, if it is from 0 to 1', async () => {
    let reply = '{"score":0.8,"passed":false,"reasoning":"r"}';
    const { baseURL, close } = await serving(() => chat(reply));
    try {
      const judge = new LLMJudgeScorer({ apiKey: 'k', baseURL });
      expect(await judge.score('o', 'e')).toMatchObject({ score: 0.8, passed: true, reason: 'r' });
      reply = '{"score":7,"passed":true}';
      await expect(judge.score('o', 'e')).rejects.toMatchObject({ code: 'ERR_MALFORMED_VERDICT' });
    } finally {
      close();
    }
  });

  test('speaks to Anthropic too', async () => {
    const { requests, baseURL, close } = await serving(() => ({ content: [{ type: 'text', text: '{"score":0.9}' }] }));
    try {
      const judge = new LLMJudgeScorer({ apiKey: 'k', provider: 'anthropic', baseURL, rubric: 'Be kind.' });
      expect(await judge.score('o', 'e')).toMatchObject({ score: 0.9, passed: true });
      expect(requests[0]).toMatchObject({ path: '/v1/messages', body: { model: 'claude-3-5-sonnet-20241022' } });
      expect(requests[0]?.headers['x-api-key']).toBe('k');
    } finally {
      close();
    }
  });

  test('refuses rubrics that cannot be used', () => {
    for (const rubric of [[], [{ name: 'A', weight: 0 }], [{ name: 'A' }, { name: 'A' }]]) {
      expect(() => new LLMJudgeScorer({ apiKey: 'k', rubric })).toThrow(RangeError);
    }
    expect(() => new LLMJudgeScorer({} as never)).toThrow(TypeError);
    expect(CommonRubrics.general.criteria.map(({ weight }) => weight)).toEqual([2, 1.5, 1, 0.5]);
  });
});

describe('PrecisionRecallScorer', () => {
  test('scores a right negative 1', async () => {
    expect((await f1Scorer().score(false, false)).score).toBe(1);
    expect((await f1Scorer().score(0.2, 0)).score).toBe(1);
    expect((await f1Scorer().score([false, false], [false, false])).score).toBe(1);
    expect((await f1Scorer().score(true, false)).score).toBe(0);
    expect((await f1Scorer().score(false, true)).score).toBe(0);
  });

  test('keeps classes of 1 and more apart', async () => {
    expect((await f1Scorer().score([1, 2, 3], [2, 3, 1])).score).toBe(0);
    expect((await f1Scorer().score([1, 2, 3], [1, 2, 3])).score).toBe(1);
  });

  test('takes labels, averaged or with a positive one', async () => {
    const [output, expected] = [
      ['spam', 'ham', 'spam', 'ham'],
      ['spam', 'spam', 'ham', 'ham'],
    ];
    expect((await precisionScorer().score(output, expected)).score).toBe(0.5);
    expect((await recallScorer({ positiveLabel: 'spam' }).score(output, expected)).score).toBe(0.5);
    const perClass = await new PrecisionRecallScorer({ perClass: true }).score(output, expected);
    expect(perClass.breakdown).toMatchObject({ spam_f1: 0.5, ham_recall: 0.5 });
  });

  test('takes probabilities by the threshold', async () => {
    expect((await precisionScorer({ threshold: 0.7 }).score([0.9, 0.6, 0.8], [1, 0, 1])).score).toBe(1);
    expect((await precisionScorer().score([0.9, 0.6, 0.8], [1, 0, 1])).score).toBeCloseTo(2 / 3, 12);
  });

  test('passes from minScore on', async () => {
    expect((await f1Scorer({ minScore: 0.5 }).score(['a', 'b'], ['a', 'c'])).passed).toBe(false);
    expect((await f1Scorer({ minScore: 0.2 }).score(['a', 'b'], ['a', 'c'])).passed).toBe(true);
  });
});

describe('RecallAtKScorer', () => {
  test('counts duplicates once', async () => {
    const scorer = new RecallAtKScorer({ k: 5 });
    expect((await scorer.score(['a', 'a', 'a'], ['a'])).score).toBe(1);
    expect((await scorer.score(['a', 'a'], ['a', 'b'])).score).toBe(0.5);
  });

  test('takes ids from documents', async () => {
    const retrieved = [{ id: 'A ' }, { docId: 2 }, { documentId: 'c' }, { other: 1 }];
    expect((await new RecallAtKScorer({ k: 4 }).score(retrieved, ['a', '2', 'C', '{"other":1}'])).score).toBe(1);
    expect((await new RecallAtKScorer({ k: 4, normalize: false }).score(retrieved, ['a', '2'])).score).toBe(0.5);
  });

  test('looks at the first k alone', async () => {
    expect((await new RecallAtKScorer({ k: 1 }).score(['x', 'a'], ['a'])).score).toBe(0);
    expect(() => new RecallAtKScorer({ k: 0 })).toThrow(RangeError);
  });
});

describe('RecallAtKSuite', () => {
  test('is the mean over its ks, and leaves the list as it was', async () => {
    const ks = [3, 1];
    const suite = new RecallAtKSuite(ks, { minRecall: 0.7 });
    expect(await suite.score(['a', 'b', 'c'], ['a', 'c'])).toMatchObject({
      score: 0.75,
      passed: true,
      breakdown: { 'recall@1': 0.5, 'recall@3': 1 },
    });
    expect(ks).toEqual([3, 1]);
    expect(() => new RecallAtKSuite([])).toThrow(RangeError);
    expect(CommonRecallConfigs.multiLevel).toEqual({ ks: [1, 3, 5, 10], minRecall: 0.7 });
  });
});
