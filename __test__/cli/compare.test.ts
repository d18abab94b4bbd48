import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { mcnemar } from '@aah/ai-evals/scorers';
import { describe, expect, test } from 'vitest';
import { command, directory, jsonl } from './command.js';

interface Row {
  id: string;
  passed: boolean;
  error: string | null;
  scores: Record<string, { score: number; passed: boolean }>;
}

const row = (id: string, score: number, more: Partial<Row> = {}): Row => ({
  id,
  passed: score >= 0.5,
  error: null,
  scores: { rouge: { score, passed: score >= 0.5 } },
  ...more,
});
const saved = (rows: unknown[]) => JSON.stringify({ results: rows });
const compared = async (a: unknown[], b: unknown[], ...flags: string[]) => {
  const dir = directory({ 'a.json': saved(a), 'b.json': saved(b) });
  const outcome = await command(['compare', 'a.json', 'b.json', '--json', 'c.json', ...flags], {}, dir);
  return { ...outcome, report: JSON.parse(readFileSync(join(dir, 'c.json'), 'utf8')) };
};

describe('compare', () => {
  test('says which cases are fixed, broken, unchanged and only in one', async () => {
    const a = [row('w', 0.9), row('x', 0.1), row('y', 0.9), row('z', 0.2), row('gone', 1)];
    const b = [row('new', 1), row('z', 0.3), row('y', 0.4), row('x', 0.8), row('w', 1)];
    const { code, stdout, report } = await compared(a, b);
    expect(code).toBe(0);
    expect(report).toMatchObject({
      compared: 4,
      fixed: ['x'],
      broken: ['y'],
      unchanged: 2,
      onlyA: ['gone'],
      onlyB: ['new'],
      mcnemarP: 1,
      difference: { value: 0 },
    });
    expect(stdout).toContain('4 cases compared: 50.0% passed in A, 50.0% in B');
    expect(stdout).toContain('1 fixed, 1 broken, 2 unchanged (McNemar p 1.000)');
    expect(stdout).toMatch(/fixed +x\n/);
    expect(stdout).toMatch(/only in B +new\n/);
  });

  test('gives the difference B less A with its interval, and the p of McNemar, for the verdicts and each scorer', async () => {
    const a = Array.from({ length: 40 }, (_, i) => row(`c${i}`, i < 10 ? 0.9 : 0.2));
    const b = Array.from({ length: 40 }, (_, i) => row(`c${i}`, i < 30 ? 0.9 : 0.2));
    const { stdout, report } = await compared(a, b);
    expect(report.mcnemarP).toBeCloseTo(mcnemar({ onlyA: 0, onlyB: 20 }).p, 12);
    expect(report.difference.value).toBeCloseTo(0.5, 12);
    expect(report.difference.low).toBeGreaterThan(0.3);
    expect(report.difference.high).toBeLessThan(0.7);
    expect(report.scorers.rouge.difference.value).toBeCloseTo(0.35, 12);
    expect(report.scorers.rouge).toMatchObject({ compared: 40, broken: [], unchanged: 20 });
    expect(stdout).toContain('difference +50.0%, 95 % interval +');
    expect(stdout).toContain('rouge: mean 0.375 in A, 0.725 in B');
  });

  test('compares no case that lacks a verdict in one of the runs', async () => {
    const { report, stdout } = await compared(
      [row('a', 1), row('b', 1, { passed: false, error: 'HTTP 500', scores: {} })],
      [row('a', 1), row('b', 1)],
    );
    expect(report).toMatchObject({ compared: 1, fixed: [], withoutVerdict: ['b'] });
    expect(stdout).toMatch(/no verdict +b\n/);
  });

  test('pairs repeated ids in order', async () => {
    const { report } = await compared([row('a', 1), row('a', 0)], [row('a', 1), row('a', 1)]);
    expect(report).toMatchObject({ compared: 2, fixed: ['a (2)'], broken: [] });
  });

  test('shows as many ids as --show says, and says how many there are', async () => {
    const rows = (score: number) => Array.from({ length: 30 }, (_, i) => row(`c${i}`, score));
    expect((await compared(rows(0), rows(1), '--show', '2')).stdout).toMatch(/fixed +c0, c1, … \(30\)\n/);
  });

  test('compares nothing without a fault where no case is in both', async () => {
    const { code, report } = await compared([row('a', 1)], [row('b', 1)]);
    expect(code).toBe(0);
    expect(report).toMatchObject({ compared: 0, meanA: null, difference: null, mcnemarP: 1 });
  });

  test.each([
    ['a missing file', undefined, 'cannot be read'],
    ['a file that is not JSON', '{"results": [', 'is not JSON'],
    ['a file without results', '{}', 'there are no results in it'],
    ['a result without an id', saved([{ passed: true }]), 'results[0].id is no text'],
    ['a result without a verdict', saved([{ id: 'a' }]), 'results[0].passed is neither true nor false'],
    [
      'a score that is none',
      saved([row('a', 1, { scores: { r: null as never } })]),
      'scores["r"].score is not a number',
    ],
  ])('exits with 2 and the path for %s', async (_, text, message) => {
    const dir = directory({ 'a.json': saved([row('a', 1)]), ...(text === undefined ? {} : { 'b.json': text }) });
    const { code, stdout, stderr } = await command(['compare', 'a.json', 'b.json'], {}, dir);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toContain('b.json');
    expect(stderr).toContain(message);
  });

  test('exits with 2 for a missing argument, and points at its help', async () => {
    const { code, stderr } = await command(['compare', 'a.json']);
    expect(code).toBe(2);
    expect(stderr).toContain('Try: ai-evals compare --help');
  });

  test('reads what ai-evals run --json writes', async () => {
    const dir = directory({
      'c.jsonl': jsonl([
        { id: 'a', expected: 'the cat sat', one: 'the cat sat', two: 'a dog' },
        { id: 'b', expected: 'the cat sat', one: 'x', two: 'the cat sat' },
      ]),
    });
    for (const field of ['one', 'two']) {
      const args = ['run', 'c.jsonl', '--actual-field', field, '--scorer', 'rouge', '--json', `${field}.json`];
      expect((await command(args, {}, dir)).code).toBe(0);
    }
    const { code, stdout } = await command(['compare', 'one.json', 'two.json'], {}, dir);
    expect(code).toBe(0);
    expect(stdout).toContain('1 fixed, 1 broken, 0 unchanged');
    expect(stdout).toContain('rouge: mean');
  });
});
