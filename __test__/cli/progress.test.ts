import { createRequire } from 'node:module';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

const require = createRequire(import.meta.url);
const { Progress } = require('../../.facade/cli/progress.js') as typeof import('../../ts/cli/progress.js');
const { Tally, NO_ANSWER } = require('../../.facade/cli/tally.js') as typeof import('../../ts/cli/tally.js');
const wording = require('../../.facade/cli/wording.js') as typeof import('../../ts/cli/wording.js');

beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] }));
afterEach(() => void vi.useRealTimers());

/** A run of 200 cases, 10 a second, every tenth of them wrong. */
function watch(
  output: { isTTY?: boolean; columns?: number },
  env: NodeJS.ProcessEnv,
  heldBack = 0,
  total: number | null = 200,
) {
  const written: string[] = [];
  const tally = new Tally();
  const shown = {
    total: () => total ?? undefined,
    tally,
    heldBack: () => heldBack,
    timeLeft: (left: number) => left * 100,
  };
  const progress = new Progress({ ...output, write: (text: string) => written.push(text) }, shown, env);
  for (let i = 0; i < 200; i += 1) {
    const one = {
      index: i,
      id: String(i),
      input: '',
      expected: '',
      category: 'c',
      actual: undefined,
      problem: undefined,
      repeat: 0,
    };
    tally.scored(one, NO_ANSWER, 1, i % 10 !== 0);
    vi.advanceTimersByTime(100);
  }
  progress.stop();
  return written;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: the escape is what is looked for
const stripped = (text: string) => text.replaceAll(/\u001b\[[\d;]*[A-Za-z]|\r/g, '');

describe('on a terminal', () => {
  test('one line redraws itself, is never wider than the terminal and is gone at the end', () => {
    for (const columns of [120, 80, 40, 24]) {
      const written = watch({ isTTY: true, columns }, {});
      for (const frame of written) {
        expect(frame.startsWith('\r\u001b[2K')).toBe(true);
        expect(frame).not.toContain('\n');
        expect(stripped(frame).length, frame).toBeLessThan(columns);
      }
      expect(written.at(-1)).toBe('\r\u001b[2K');
    }
    const half = stripped(watch({ isTTY: true, columns: 80 }, {})[100]!);
    expect(half).toMatch(/^█{15}░{15} 100\/200 {2}90\.0% passed {2}10\/s {2}\d/);
  });

  test('NO_COLOR takes the colours away and nothing else', () => {
    const written = watch({ isTTY: true }, { NO_COLOR: '1' });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape is what is looked for
    for (const frame of written) expect(frame.slice(5)).not.toMatch(/\u001b/);
    expect(written[100]).toContain('█');
  });

  test('a limit that holds the run back is shown beside the time left', () => {
    expect(watch({ isTTY: true, columns: 100 }, {}, 12_300)[50]).toMatch(/ left {2}rate limit: 12\.3 s/);
  });

  test('as long as the dataset is not read to its end, the cases that are done are shown without a total', () => {
    const frame = stripped(watch({ isTTY: true }, {}, 0, null)[50]!);
    expect(frame).toMatch(/^░+ 50 done {2}90\.0% passed {2}10\/s$/);
  });
});

test('anywhere else there is a plain line every tenth of the way, or every five seconds', () => {
  const lines = watch({}, {});
  expect(lines.length).toBeGreaterThanOrEqual(10);
  expect(lines.length).toBeLessThanOrEqual(12);
  for (const line of lines) expect(line).toMatch(/^\d+\/200 \(\d+%\) {2}[\d.]+% passed {2}[\d.]+\/s.*\n$/);
  expect(lines.at(-1)).toMatch(/^200\/200 \(100%\)/);
  expect(watch({ isTTY: true }, { TERM: 'dumb' })).toHaveLength(lines.length);
});

test('figures are worded for people', () => {
  expect([0.42, 285.4, 1312, 42_000, 125_000, 7_260_000].map(wording.duration)).toEqual([
    '0.4 ms',
    '285 ms',
    '1.31 s',
    '42.0 s',
    '2 min 05 s',
    '2 h 01 min',
  ]);
  expect([0, 0.5, 0.9996, 1, 0.0001].map(wording.percent)).toEqual(['0.0%', '50.0%', '99.9%', '100.0%', '0.1%']);
  expect([0, 0.0184, 0.00000123, 0.5, 1234.567].map(wording.dollars)).toEqual([
    '$0',
    '$0.018',
    '$0.0000012',
    '$0.50',
    '$1,234.57',
  ]);
  expect(wording.printable('a\u001b[31m\nb\u0007')).toBe('a [31m b');
  expect(wording.shortened('abcdef', 4)).toBe('abc…');
  expect(wording.wrapped('one two three', 7)).toEqual(['one two', 'three']);
});
