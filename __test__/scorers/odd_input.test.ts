import { ScoringWorkerPool } from '@aah/ai-evals/orchestrator';
import * as scorers from '@aah/ai-evals/scorers';
import { describe, expect, test } from 'vitest';

const { levenshtein, weighted } = scorers;
const text = (scorer: scorers.Scorer<never, never>, expected: unknown, actual: unknown) =>
  scorer.scoreSync(expected as never, actual as never);

describe('options', () => {
  const outOfRange: [string, () => unknown][] = [
    ['a threshold that is NaN', () => levenshtein({ threshold: Number.NaN })],
    ['a threshold below 0', () => scorers.exactMatch({ threshold: -0.1 })],
    ['a threshold above 1', () => scorers.exactMatch({ threshold: 1.1 })],
    ['a unit that there is not', () => levenshtein({ unit: 'byte' as never })],
    ['maxCells that is NaN', () => levenshtein({ maxCells: Number.NaN })],
    ['maxCells that is infinite', () => levenshtein({ maxCells: Number.POSITIVE_INFINITY })],
    ['maxCells of 0', () => levenshtein({ maxCells: 0 })],
    ['a prefix weight above a quarter', () => scorers.jaroWinkler({ prefixWeight: 0.26 })],
    ['a BLEU of no order', () => scorers.bleu({ maxOrder: 0 })],
    ['a BLEU of too many orders', () => scorers.bleu({ maxOrder: 1e9 })],
    ['a smoothing value that is NaN', () => scorers.bleu({ smoothing: 'floor', smoothingValue: Number.NaN })],
    ['a chrF of no order', () => scorers.chrf({ charOrder: 0 })],
    ['an infinite beta', () => scorers.chrf({ beta: Number.POSITIVE_INFINITY })],
    ['rouge0', () => scorers.rouge({ type: 'rouge0' as never })],
    ['rouge10', () => scorers.rouge({ type: 'rouge10' as never })],
    ['an alpha that is NaN', () => scorers.meteor({ alpha: Number.NaN })],
    ['no parts', () => weighted([])],
    ['parts without weight', () => weighted([{ scorer: levenshtein(), weight: 0 }])],
    ['a negative weight', () => weighted([{ scorer: levenshtein(), weight: -1 }])],
    ['an infinite weight', () => weighted([{ scorer: levenshtein(), weight: Number.POSITIVE_INFINITY }])],
    ['no scorers', () => scorers.allOf([])],
    ['a k of 0', () => scorers.precisionAtK(0)],
    ['a k of 1.5', () => scorers.recallAtK(1.5)],
    ['an infinite k', () => scorers.hitAtK(Number.POSITIVE_INFINITY)],
    ['no workers', () => new ScoringWorkerPool(0)],
    ['infinitely many workers', () => new ScoringWorkerPool(Number.POSITIVE_INFINITY)],
    ['one and a half workers', () => new ScoringWorkerPool(1.5)],
  ];
  test.each(outOfRange)('refuse %s as out of range', (_, make) => expect(make).toThrow(RangeError));

  const wrongType: [string, () => unknown][] = [
    ['a threshold in text', () => levenshtein({ threshold: '0.5' as never })],
    ['a threshold that is null', () => levenshtein({ threshold: null as never })],
    ['a list', () => levenshtein([] as never)],
    ['a text', () => levenshtein('utf16' as never)],
    ['a name that there is not', () => levenshtein({ treshold: 1 } as never)],
    ['a part that is no scorer', () => scorers.anyOf([{} as never])],
    ['leaves that no scorer compares', () => scorers.jsonDiff({ strings: {} as never })],
    ['a k that is missing', () => scorers.precisionAtK(undefined as never)],
    ['workers in text', () => new ScoringWorkerPool('2' as never)],
    ['workers that are null', () => new ScoringWorkerPool(null as never)],
  ];
  test.each(wrongType)('refuse %s as of the wrong type', (_, make) => expect(make).toThrow(TypeError));

  test('are the defaults where they are undefined or null', () => {
    expect(levenshtein({ threshold: undefined }).threshold).toBe(0.8);
    expect(levenshtein(null as never).threshold).toBe(0.8);
  });
});

describe('scoreSync', () => {
  const wrongType: [string, () => unknown][] = [
    ['no expected text', () => text(levenshtein(), [], 'a')],
    ['no expected text and no answer', () => text(levenshtein(), [], null)],
    ['an expected null among texts', () => text(levenshtein(), ['a', null], 'a')],
    ['a hole among texts', () => text(levenshtein(), new Array(2), 'a')],
    ['an expected Set', () => text(levenshtein(), new Set(['a']), 'a')],
    ['an expected generator', () => text(levenshtein(), ['a'].values(), 'a')],
    ['expected bytes', () => text(levenshtein(), new Uint8Array(2), 'a')],
    ['an answer that is a Date', () => text(levenshtein(), 'a', new Date())],
    ['an answer that is a String object', () => text(levenshtein(), 'a', new String('a'))],
    ['an answer that is a symbol', () => text(levenshtein(), 'a', Symbol('a'))],
    ['an answer that is a list', () => text(levenshtein(), 'a', ['a'])],
    ['an embedding of bigints', () => text(scorers.cosine(), new BigInt64Array(1), [1])],
    ['an embedding of texts', () => text(scorers.cosine(), ['1'], [1])],
    ['an embedding with a hole', () => text(scorers.cosine(), new Array(1), [1])],
    ['an embedding that is a DataView', () => text(scorers.cosine(), new DataView(new ArrayBuffer(8)), [1])],
    ['a list that is a Set', () => text(scorers.listOverlap(), new Set(['a']), ['a'])],
    ['a list that is a text', () => text(scorers.listOverlap(), 'ab', 'ab')],
    ['a number in text', () => text(scorers.numericDiff(), '1', 1)],
    ['an id that is an object', () => text(scorers.recallAtK(1), [{}], ['a'])],
    ['an expected text that is not JSON', () => text(scorers.jsonMatch(), 'abc', 'abc')],
    ['a value nested too deep for JSON', () => text(scorers.jsonMatch(), nested(100_000), '1')],
  ];
  test.each(wrongType)('refuses %s', (_, score) => expect(score).toThrow(TypeError));

  const outOfRange: [string, () => unknown][] = [
    ['an embedding with NaN', () => text(scorers.cosine(), [Number.NaN], [1])],
    ['an infinite embedding', () => text(scorers.cosine(), [Number.POSITIVE_INFINITY], [1])],
    ['embeddings of two lengths', () => text(scorers.cosine(), [1], [1, 2])],
    ['NaN', () => text(scorers.numericDiff(), Number.NaN, 1)],
    ['a negative grade', () => text(scorers.ndcg(), { a: -1 }, ['a'])],
    ['a grade that is NaN', () => text(scorers.ndcg(), { a: Number.NaN }, ['a'])],
    ['lists of too many pairs', () => text(scorers.listOverlap(), Array(6000).fill('a'), Array(6000).fill('b'))],
    ['100,000 tokens for TER', () => text(scorers.ter(), 'a '.repeat(100_000), 'b '.repeat(100_000))],
    ['100,000 tokens for METEOR', () => text(scorers.meteor(), 'a '.repeat(100_000), 'b '.repeat(100_000))],
  ];
  test.each(outOfRange)('refuses %s as out of range', (_, score) => expect(score).toThrow(RangeError));

  const scored: [string, number, () => scorers.Score][] = [
    ['the smallest weights', 13 / 18, () => text(evenly(5e-324), 'abc', 'abd')],
    ['the largest weights', 13 / 18, () => text(evenly(1.7e308), 'abc', 'abd')],
    ['embeddings near the largest number', 1, () => text(scorers.cosine(), [1e308, 1e308], [1e308, 1e308])],
    ['embeddings near the smallest number', 1, () => text(scorers.cosine(), [5e-324, 0], [5e-324, 0])],
    ['embeddings of bytes', 1, () => text(scorers.cosine(), new Int8Array([1, 2]), Buffer.from([1, 2]))],
    ['embeddings of floats', 1, () => text(scorers.cosine(), new Float32Array([1, 2]), [2, 4])],
    ['embeddings without a number', 0, () => text(scorers.cosine(), [], [])],
    ['numbers whose difference overflows', 0, () => text(scorers.numericDiff(), 1.7e308, -1.7e308)],
    ['the two zeros', 1, () => text(scorers.numericDiff(), 0, -0)],
    ['a gain beyond every number', 1 / Math.log2(3), () => text(gained(), { a: 2000, b: 1 }, ['b', 'a'])],
    ['duplicates among relevant ids', 1, () => text(scorers.recallAtK(2), ['a', 'a'], ['a', 'b'])],
    ['duplicates among retrieved ids', 1, () => text(scorers.recallAtK(2), ['a', 'b'], ['a', 'a', 'b'])],
    ['ids as numbers and as texts', 1, () => text(scorers.recallAtK(1), [1, '1'], ['1'])],
    ['nothing relevant', 0, () => text(scorers.recallAtK(1), [], ['a'])],
    ['duplicate keys by the last', 1, () => text(scorers.jsonMatch(), '{"a":2}', '{"a":1,"a":2}')],
    ['__proto__ as a key', 0, () => text(scorers.jsonMatch(), '{"__proto__":1}', '{"__proto__":2}')],
    ['integers beyond 2^53', 0, () => text(scorers.jsonMatch(), 9007199254740993n, '9007199254740992')],
    ['a lone surrogate unlike U+FFFD', 0.5, () => text(levenshtein(), '\ud800a', '\ufffda')],
    ['a pattern with the flag g each time', 1, () => again(global, '', 'a')],
    ['10 MB against a letter', 0, () => text(scorers.fuzzy({ method: 'weighted' }), 'x', tenMegabytes)],
    ['10 MB against itself', 1, () => text(scorers.chrf(), tenMegabytes, tenMegabytes)],
    ['100,000 tokens', 0, () => text(scorers.bleu(), 'a '.repeat(100_000), 'b '.repeat(100_000))],
    ['100,000 tokens in order', 0, () => text(rougeL, 'a '.repeat(100_000), 'b '.repeat(100_000))],
  ];
  test.each(scored)('scores %s as %d', (_, score, run) => expect(run().score).toBeCloseTo(score, 12));

  const evenly = (weight: number) =>
    weighted([
      { scorer: levenshtein(), weight },
      { scorer: scorers.jaro(), weight },
    ]);
  const gained = () => scorers.ndcg({ gain: 'exponential' });
  const rougeL = scorers.rouge({ type: 'rougeL' });
  const global = scorers.pattern(/a/g);
  const tenMegabytes = 'lorem ipsum dolor sit amet, '.repeat(400_000);
});

/** The second score of the same pair. */
function again(scorer: scorers.Scorer<never, never>, expected: unknown, actual: unknown): scorers.Score {
  text(scorer, expected, actual);
  return text(scorer, expected, actual);
}

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < depth; level += 1) value = [value];
  return value;
}
