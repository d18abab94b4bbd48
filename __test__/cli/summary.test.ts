import { createRequire } from 'node:module';
import { describe, expect, test } from 'vitest';

const require = createRequire(import.meta.url);
const { bottlenecksOf } = require('../../.facade/cli/bottlenecks.js') as typeof import('../../ts/cli/bottlenecks.js');
const { aroundDifference } =
  require('../../.facade/cli/failure_lines.js') as typeof import('../../ts/cli/failure_lines.js');
const { ratesOf } = require('../../.facade/cli/summary.js') as typeof import('../../ts/cli/summary.js');
const { Tally, NO_ANSWER } = require('../../.facade/cli/tally.js') as typeof import('../../ts/cli/tally.js');

const caseOf = (index: number, category = 'c') =>
  ({
    index,
    id: `c${index}`,
    input: '',
    expected: index,
    category,
    actual: undefined,
    problem: undefined,
    repeat: 0,
  }) as const;

describe('ratesOf', () => {
  test('gives the rate over all and over answered cases', () => {
    const tally = new Tally();
    tally.scored(caseOf(0), NO_ANSWER, 1, true);
    tally.scored(caseOf(1), NO_ANSWER, 0, false);
    tally.failed(caseOf(2), 'HTTP 500');
    tally.failed(caseOf(3), 'HTTP 500');
    expect(ratesOf(tally)).toMatchObject({ total: 4, errors: 2, passRate: 0.25, answered: 2, answeredPassRate: 0.5 });
  });

  test('puts categories in natural order', () => {
    const tally = new Tally();
    for (const [i, name] of ['cat10', 'cat2', 'cat1', 'Dog', '__proto__', 'cat02'].entries()) {
      tally.scored(caseOf(i, name), NO_ANSWER, 1, true);
    }
    const names = Object.keys(ratesOf(tally).byCategory);
    expect(names.filter((name) => name.startsWith('cat'))).toEqual(['cat1', 'cat02', 'cat2', 'cat10']);
    expect(names).toHaveLength(6);
  });
});

test('the first failed cases of the dataset are kept, whatever finishes first', () => {
  const tally = new Tally(3);
  for (const i of [9, 4, 7, 1, 8, 2]) tally.scored(caseOf(i), { ...NO_ANSWER, actual: 'x' }, 0, false);
  expect(tally.failures.map(({ id }) => id)).toEqual(['c1', 'c2', 'c4']);
});

describe('aroundDifference', () => {
  test('leaves short texts alone', () => {
    expect(aroundDifference('yes', 'no', 20)).toEqual(['yes', 'no']);
  });

  test('shows where two long texts part', () => {
    const [same, rest] = ['a'.repeat(500), 'z'.repeat(500)];
    const [left, right] = aroundDifference(`${same}LEFT${rest}`, `${same}RIGHT${rest}`, 60);
    expect(left).toContain('aLEFTz');
    expect(right).toContain('aRIGHTz');
    for (const text of [left, right]) {
      expect(text.length).toBe(60);
      expect(text).toMatch(/^…a.*z…$/);
    }
  });

  test('keeps the end of a long answer to a short one', () => {
    const [expected, actual] = aroundDifference('18', `${'so '.repeat(200)}the answer is 17`, 40);
    expect(expected).toBe('18');
    expect(actual).toMatch(/^….* the answer is 17$/);
    expect(actual.length).toBe(40);
  });

  test('keeps a text whole that ends where the other goes on', () => {
    const [short, long] = aroundDifference('a'.repeat(300), 'a'.repeat(400), 60);
    expect(short).toMatch(/^…a+$/);
    expect(long).toMatch(/^…a+…?$/);
  });
});

describe('bottlenecksOf', () => {
  const facts = {
    ...{ durationMs: 60_000, throttleTime: 0, refusals: 0, retries: 0, calls: 100, concurrency: 10 },
    ...{ requestsPerMinute: 500, tokensPerMinute: 150_000 },
    timing: (component: string) =>
      component === 'model-call' ? { totalDuration: 590_000, avgDuration: 5900 } : undefined,
  };

  test('finds nothing wrong with a run that waits for its model', () => {
    expect(bottlenecksOf(facts)).toMatchObject([{ component: 'model-call', severity: 'low' }]);
    expect(bottlenecksOf(facts)[0]!.recommendation).toContain('--concurrency');
  });

  test('blames refusals on the limit and not on a slow model', () => {
    const [first] = bottlenecksOf({ ...facts, throttleTime: 50_000, refusals: 40, retries: 40 });
    expect(first).toMatchObject({ component: 'rate-limit', severity: 'high' });
    expect(first!.recommendation).toMatch(/40 calls of 100 away \(HTTP 429\).*--rpm/);
    expect(
      bottlenecksOf({ ...facts, throttleTime: 50_000, refusals: 40, retries: 40 }).map(({ component }) => component),
    ).toEqual(['rate-limit', 'model-call']);
  });

  test('names our own limit where that is what held the run back', () => {
    const [first] = bottlenecksOf({ ...facts, throttleTime: 20_000 });
    expect(first).toMatchObject({ component: 'rate-limit', severity: 'medium' });
    expect(first!.recommendation).toContain('Raise them');
  });

  test('leaves the stages of the executor out, within which all else happens', () => {
    const asked: string[] = [];
    const timing = (component: string) => {
      asked.push(component);
      return { totalDuration: 100_000, avgDuration: 1 };
    };
    bottlenecksOf({ ...facts, timing });
    expect(asked).not.toContain('parallel-execution');
    expect(asked).not.toContain('streaming-execution');
  });

  test('names attempts that failed and stages of our own that take long', () => {
    expect(bottlenecksOf({ ...facts, retries: 60 })[0]).toMatchObject({
      component: 'failed-attempts',
      severity: 'high',
    });
    const timing = () => ({ totalDuration: 30_000, avgDuration: 1 });
    expect(bottlenecksOf({ ...facts, timing }).map(({ component }) => component)).toEqual([
      'scoring',
      'dataset-loading',
      'model-call',
    ]);
  });
});
