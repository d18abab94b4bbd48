import * as scorers from '@aah/ai-evals/scorers';
import { exactMatch, levenshtein, meteor, type Scorer, type TextScorer } from '@aah/ai-evals/scorers';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

/** Every text scorer that compares, by name. */
const COMPARING: Record<string, TextScorer> = Object.fromEntries(
  [
    ...[scorers.levenshtein(), scorers.osa(), scorers.damerauLevenshtein(), scorers.indel(), scorers.lcs()],
    ...[scorers.jaro(), scorers.jaroWinkler(), scorers.exactMatch(), scorers.contains(), scorers.startsWith()],
    ...[scorers.endsWith(), scorers.tokenF1(), scorers.squadExact(), scorers.bleu(), scorers.chrf(), scorers.ter()],
    ...[scorers.rouge(), scorers.meteor()],
    ...(['ratio', 'partial', 'tokenSort', 'tokenSet', 'token', 'weighted'] as const).map((method) =>
      renamed(`fuzzy ${method}`, scorers.fuzzy({ method })),
    ),
    ...(['rouge2', 'rougeL', 'rougeLsum'] as const).map((type) => renamed(type, scorers.rouge({ type }))),
  ].map((scorer) => [scorer.name, scorer]),
);

function renamed(name: string, scorer: TextScorer): TextScorer {
  return {
    name,
    threshold: scorer.threshold,
    score: (expected, actual) => scorer.score(expected, actual),
    scoreSync: (expected, actual) => scorer.scoreSync(expected, actual),
    scoreAll: (results, options) => scorer.scoreAll(results, options),
  };
}

/** Texts as answers have them, and others: any UTF-16, lone surrogates too. */
const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 30 }),
  fc.array(fc.integer({ min: 0xd7f0, max: 0xe010 }), { maxLength: 6 }).map((units) => String.fromCharCode(...units)),
  fc
    .array(fc.constantFrom('the', 'cat', 'cats', 'sat.', '1,000', '\n', '“é”'), { maxLength: 12 })
    .map((words) => words.join(' ')),
);

describe.each(Object.entries(COMPARING))('%s', (name, scorer) => {
  test('scores any two texts in 0–1, and passes from the threshold on', () => {
    fc.assert(
      fc.property(fc.array(anyText, { minLength: 1, maxLength: 3 }), anyText, (expected, actual) => {
        const { score, passed } = scorer.scoreSync(expected, actual);
        expect(score).toBeGreaterThanOrEqual(0);
        expect(score).toBeLessThanOrEqual(1);
        expect(passed).toBe(score >= scorer.threshold);
      }),
      { numRuns: 60 },
    );
  });

  test('scores a text of words against itself with exactly 1', () => {
    const words = fc.array(fc.constantFrom('alpha', 'beta', 'gamma', 'delta'), { minLength: 4, maxLength: 40 });
    fc.assert(
      fc.property(words, (words) => {
        const text = words.join(' ');
        const { score } = scorer.scoreSync(text, text);
        if (name === 'meteor') expect(score).toBeGreaterThan(0.99);
        else expect(score).toBe(1);
      }),
      { numRuns: 30 },
    );
  });

  test('gives the same bits alone, awaited and in a batch', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(anyText, anyText), { maxLength: 8 }), async (texts) => {
        const pairs = texts.map(([expected, actual]) => ({ expected, actual }));
        const alone = pairs.map(({ expected, actual }) => scorer.scoreSync(expected, actual));
        expect(await scorer.scoreAll(pairs)).toEqual(alone);
        expect(await Promise.all(pairs.map(({ expected, actual }) => scorer.score(expected, actual)))).toEqual(alone);
      }),
      { numRuns: 15 },
    );
  });
});

const SYMMETRIC = [
  'levenshtein',
  'osa',
  'damerauLevenshtein',
  'indel',
  'lcs',
  'jaro',
  'jaroWinkler',
  'exactMatch',
  'squadExact',
  'tokenF1',
  'fuzzy ratio',
  'fuzzy partial',
  'fuzzy tokenSort',
  'fuzzy tokenSet',
  'fuzzy token',
  'fuzzy weighted',
  'rouge',
  'rougeL',
];

describe('symmetric scorers', () => {
  test.each(SYMMETRIC)('%s does not depend on the order of the texts', (name) => {
    const scorer = COMPARING[name]!;
    fc.assert(
      fc.property(anyText, anyText, (a, b) => {
        expect(scorer.scoreSync(a, b).score).toBeCloseTo(scorer.scoreSync(b, a).score, 12);
      }),
      { numRuns: 60 },
    );
  });
});

describe('expected', () => {
  test('takes several texts, of which the best counts', () => {
    expect(levenshtein().scoreSync(['abcd', 'abxx', 'zzzz'], 'abcx')).toEqual({
      score: 0.75,
      passed: false,
      breakdown: { distance: 1 },
    });
  });

  test.each([undefined, null, {}, ['a', null], ['a', ['b']], Symbol('s'), () => 'a'])(
    '%s is a TypeError that names it',
    async (expected) => {
      expect(() => levenshtein().scoreSync(expected as never, 'a')).toThrow(/^expected/);
      await expect(levenshtein().score(expected as never, 'a')).rejects.toThrow(TypeError);
      const pairs = [
        { expected: 'a', actual: 'a' },
        { expected: expected as never, actual: 'a' },
      ];
      await expect(levenshtein().scoreAll(pairs)).rejects.toThrow(/^results\[1\]\.expected/);
    },
  );

  test('is a TypeError without texts', () => {
    expect(() => exactMatch().scoreSync([], 'a')).toThrow(TypeError);
  });
});

describe('actual', () => {
  test.each([undefined, null])('%s is no answer and scores 0', async (actual) => {
    const none = { score: 0, passed: false, explanation: 'no answer' };
    expect(exactMatch().scoreSync('', actual)).toEqual(none);
    expect(await exactMatch().score('', actual)).toEqual(none);
    expect(await exactMatch().scoreAll([{ expected: '', actual }])).toEqual([none]);
  });

  test('counts numbers, bigints and booleans as their JSON text', () => {
    for (const [expected, actual] of [
      ['42', 42],
      ['true', true],
      ['12345678901234567890', 12345678901234567890n],
    ] as const) {
      expect(exactMatch().scoreSync(expected, actual).score).toBe(1);
      expect(exactMatch().scoreSync(actual, expected).score).toBe(1);
    }
  });

  test.each([{}, [], Symbol('s')])('%s is a TypeError that names it', (actual) => {
    expect(() => exactMatch().scoreSync('a', actual as never)).toThrow(/^actual must be a text/);
  });

  test('with a lone surrogate is unlike every other text', () => {
    expect(levenshtein().scoreSync('\ud800', '\ufffd').score).toBe(0);
    expect(levenshtein().scoreSync('a\ud800', 'a\ud800').score).toBe(1);
    expect(exactMatch().scoreSync('\ud800', '\ud801').score).toBe(0);
  });
});

describe('options', () => {
  test('that are unknown are a TypeError at construction', () => {
    expect(() => levenshtein({ treshold: 1 } as never)).toThrow(/unknown option treshold/);
    expect(() => meteor(5 as never)).toThrow(TypeError);
  });

  test.each([
    () => levenshtein({ threshold: 1.5 }),
    () => levenshtein({ threshold: Number.NaN }),
    () => levenshtein({ maxCells: 0 }),
    () => levenshtein({ unit: 'byte' as never }),
    () => scorers.jaroWinkler({ prefixWeight: 0.3 }),
    () => scorers.bleu({ maxOrder: 0 }),
    () => scorers.bleu({ smoothingValue: -1 }),
    () => scorers.rouge({ type: 'rouge10' as never }),
    () => scorers.corpusBleu([]),
  ])('out of range are a RangeError: %s', (construct) => {
    expect(construct).toThrow(RangeError);
  });

  test('of the wrong type are a TypeError', () => {
    expect(() => levenshtein({ ignoreCase: 'yes' as never })).toThrow(TypeError);
    expect(() => scorers.chrf({ beta: '2' as never })).toThrow(TypeError);
    expect(() => levenshtein({ unit: 5 as never })).toThrow(TypeError);
  });

  test('decide what passes', () => {
    expect(levenshtein().threshold).toBe(0.8);
    expect(exactMatch().threshold).toBe(1);
    expect(levenshtein({ threshold: 0.75 }).scoreSync('abcd', 'abcx').passed).toBe(true);
  });
});

describe('maxCells', () => {
  const texts = (length: number) => ['a'.repeat(length), 'b'.repeat(length)] as const;

  test.each([
    ['levenshtein', scorers.levenshtein({ maxCells: 100 })],
    ['lcs', scorers.lcs({ maxCells: 100 })],
    ['fuzzy', scorers.fuzzy({ method: 'partial', maxCells: 100 })],
  ] as [string, Scorer<string, string>][])('bounds %s, after common ends', async (_, scorer) => {
    const [a, b] = texts(11);
    expect(() => scorer.scoreSync(a, b)).toThrow(RangeError);
    await expect(scorer.score(a, b)).rejects.toThrow(/121 cells.*maxCells allows \(100\)/);
    await expect(
      scorer.scoreAll([
        { expected: 'x', actual: 'x' },
        { expected: a, actual: b },
      ]),
    ).rejects.toThrow(/^results\[1\]/);
    expect(scorer.scoreSync(a, a).score).toBe(1);
  });

  test.each([
    ['ter', scorers.ter({ maxCells: 100 })],
    ['meteor', scorers.meteor({ maxCells: 100 })],
    ['rougeL', scorers.rouge({ type: 'rougeL', maxCells: 100 })],
    ['rougeLsum', scorers.rouge({ type: 'rougeLsum', maxCells: 100 })],
  ])('bounds %s in words', (_, scorer) => {
    expect(() => scorer.scoreSync('a '.repeat(11), 'b '.repeat(11))).toThrow(RangeError);
    expect(scorer.scoreSync('a '.repeat(10), 'b '.repeat(10)).score).toBe(0);
  });

  test('refuses 10 MB against 10 MB at once, and scores them where they are alike', () => {
    const [a, b] = texts(10_000_000);
    expect(() => levenshtein().scoreSync(a, b)).toThrow(RangeError);
    expect(levenshtein().scoreSync(a, `${a}b`).breakdown).toEqual({ distance: 1 });
  });

  test('refuses 100,000 tokens in TER and METEOR and scores them in the linear metrics', () => {
    const [a, b] = [0, 1].map((shift) =>
      Array.from({ length: 100_000 }, (_, i) => `w${(i * 7 + shift) % 977}`).join(' '),
    );
    expect(() => scorers.ter().scoreSync(a!, b!)).toThrow(RangeError);
    expect(() => scorers.meteor().scoreSync(a!, b!)).toThrow(RangeError);
    expect(scorers.rouge({ type: 'rouge2' }).scoreSync(a!, b!).score).toBeGreaterThan(0);
    expect(scorers.bleu().scoreSync(a!, b!).score).toBeGreaterThan(0);
  });
});

describe('pattern', () => {
  test('matches as JavaScript does with the flag u', () => {
    const sources = [
      '^\\d+$',
      '\\bcat\\b',
      'a.c',
      '[^a-z]',
      '\\s+$',
      '^$',
      '(?:a|ab)(?:c|bcd)',
      '\\p{Lu}',
      '[\\w-]+',
      '[a-z-9]',
      '\\u{1F600}',
      '[]',
      '[^]',
      '\\cJ',
      'x{2,3}?',
      '\\/[\\-]',
      '\\ud83d\\ude00',
    ];
    const texts = [
      '',
      '42',
      '٤٢',
      'cat',
      'a cat_',
      'a\nc',
      'a😀c',
      'x\u00a0',
      'x\ufeff',
      'É',
      '-',
      '9',
      '😀',
      '\ud83d',
      'a\n',
      'xx',
      '/-',
      'abcd',
      'K',
      'ſ',
    ];
    for (const source of sources) {
      for (const flags of ['', 'i', 's', 'm', 'is', 'y', 'my', 'g']) {
        const [ours, theirs] = [scorers.pattern(source, { flags }), new RegExp(source, `${flags}u`)];
        for (const text of texts) {
          theirs.lastIndex = 0;
          expect(ours.scoreSync('', text).score, `/${source}/${flags} on ${JSON.stringify(text)}`).toBe(
            theirs.test(text) ? 1 : 0,
          );
        }
      }
    }
  });

  test('refuses what linear time does not allow, and what is no pattern', () => {
    for (const source of ['(?=a)b', '(?<!a)b', '(a)\\1', '(?<n>a)\\k<n>']) {
      expect(() => scorers.pattern(source)).toThrow(expect.objectContaining({ code: 'ERR_UNSUPPORTED_PATTERN' }));
    }
    for (const source of ['*a', '[z-a]', '(', 'a{2,1}']) expect(() => scorers.pattern(source)).toThrow(SyntaxError);
    for (const flags of ['q', 'ii', 'v']) expect(() => scorers.pattern('a', { flags })).toThrow(SyntaxError);
    expect(() => scorers.pattern(5 as never)).toThrow(TypeError);
  });

  test('takes time linear in the answer', () => {
    // A backtracking engine would take 2^200000 steps.
    expect(scorers.pattern('^(a+)+$').scoreSync('', `${'a'.repeat(200_000)}b`).score).toBe(0);
  });

  test('compares a captured group with what is expected', () => {
    const one = scorers.pattern(/ANSWER: (\w+)/, { capture: true });
    expect(one.scoreSync('B', 'I think ANSWER: B').score).toBe(1);
    expect(one.scoreSync(['A', 'C'], 'I think ANSWER: B').score).toBe(0);
    expect(one.scoreSync('b', 'ANSWER: B').score).toBe(0);
    expect(
      scorers.pattern(/answer: (\w+)/, { capture: true, ignoreCase: true }).scoreSync('b', 'ANSWER: B').score,
    ).toBe(1);
    const all = scorers.pattern('(\\w)=(\\w)(x)?', { capture: 'all' });
    expect([all.scoreSync('a', 'a=a').score, all.scoreSync('a', 'a=b').score]).toEqual([1, 0]);
  });
});

describe('jsonMatch', () => {
  const { jsonMatch } = scorers;

  test('compares values: null is one, undefined is no answer', () => {
    expect(jsonMatch().scoreSync(null, null).score).toBe(1);
    expect(jsonMatch().scoreSync(null, 'null').score).toBe(1);
    expect(jsonMatch().scoreSync({ a: [1] }, undefined)).toEqual({ score: 0, passed: false, explanation: 'no answer' });
    expect(jsonMatch().scoreSync([1, 2], [1, 2.0]).score).toBe(1);
    expect(jsonMatch().scoreSync('{"a":1}', 'So: ```json\n{"a":1.0}\n```').score).toBe(1);
    expect(jsonMatch({ extract: false }).scoreSync('{"a":1}', 'So: {"a":1}').score).toBe(0);
  });

  test('refuses what is not JSON', () => {
    expect(() => jsonMatch().scoreSync('{a:1}', '{}')).toThrow(/^expected must be JSON text/);
    expect(() => jsonMatch().scoreSync(undefined, '{}')).toThrow(TypeError);
    expect(() => jsonMatch().scoreSync({ n: 1n }, '{}')).toThrow(TypeError);
  });
});

describe('numericAnswer', () => {
  test('compares the final number, within the larger tolerance', () => {
    const { numericAnswer } = scorers;
    expect(numericAnswer().scoreSync('1000', 'so the total is $1,000.00').score).toBe(1);
    expect(numericAnswer({ tolerance: 1 }).scoreSync(100, '101').score).toBe(1);
    expect(numericAnswer({ relative: 0.01 }).scoreSync(100, '102').score).toBe(0);
    expect(numericAnswer({ relative: 0.02 }).scoreSync(100, '102').score).toBe(1);
    expect(numericAnswer().scoreSync('no number', '5')).toEqual({ score: Number.NaN, passed: false });
    for (const expected of ['10^10^10', '9^9^9', '2^{10^9}', '1e999999999', '1e-999999999']) {
      expect(numericAnswer().scoreSync(expected, expected)).toEqual({ score: Number.NaN, passed: false });
    }
  });
});

describe('corpus scores', () => {
  test('add the counts of all pairs up', () => {
    const pairs = [
      { expected: 'the cat sat on the mat', actual: 'the cat sat on the mat' },
      { expected: ['a dog barked', 'the dog barked'], actual: null },
    ];
    for (const score of [scorers.corpusBleu(pairs), scorers.corpusChrf(pairs), scorers.corpusTer(pairs)]) {
      expect(score.score).toBeGreaterThan(0);
      expect(score.score).toBeLessThan(1);
    }
    expect(scorers.corpusTer(pairs).breakdown).toEqual({ ter: 3 / 9, edits: 3, referenceLength: 9 });
    expect(() => scorers.corpusTer([{ expected: undefined as never, actual: 'a' }])).toThrow(/^pairs\[0\]\.expected/);
  });
});
