import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { closedPort, command, directory, jsonl, provider, refuse, said, start } from './command.js';

const cases = (n: number) =>
  Array.from({ length: n }, (_, i) => ({ id: `c${i}`, input: `say ${i}`, expected: `${i}` }));
const echo = (prompt: string) => prompt.replace('say ', '');
const summaryOf = (dir: string, name = 'out.json') => JSON.parse(readFileSync(join(dir, name), 'utf8'));
const rowsOf = (dir: string) =>
  readFileSync(join(dir, 'rows.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
const recorded = (dir: string, file: string, ...more: string[]) =>
  command(['run', file, '--actual-field', 'actual', '--json', 'out.json', ...more], {}, dir);

describe('--allow-errors', () => {
  /** A provider that answers all but the first `failing` cases. */
  const failing = (n: number) =>
    provider(({ body }, response) => {
      const text = echo(body.messages[0]!.content);
      if (Number(text) < n) refuse(response, 400, 'no such parameter');
      return text;
    });

  test('by default a single case without an answer is exit 3 and a line that says so', async () => {
    const dir = directory({ 'c.jsonl': jsonl(cases(6)) });
    const { url } = await failing(1);
    const { code, stdout, stderr } = await command(['run', 'c.jsonl'], { OPENAI_BASE_URL: url }, dir);
    expect(code).toBe(3);
    expect(stderr).toMatch(/1 case of 6 ended without an answer.*--allow-errors 1/s);
    expect(stdout).toContain('5 of 6 cases passed (83.3%)');
    expect(stdout).toContain('5 of 5 answered (100.0%)');
  });

  test('with a number allows so many, and no more', async () => {
    const dir = directory({ 'c.jsonl': jsonl(cases(6)) });
    const { url } = await failing(2);
    const run = async (...flags: string[]) =>
      (await command(['run', ...flags, 'c.jsonl', '--no-cache'], { OPENAI_BASE_URL: url }, dir)).code;
    expect(await run('--allow-errors', '1')).toBe(3);
    expect(await run('--allow-errors', '2')).toBe(0);
    expect(await run('--allow-errors=2')).toBe(0);
    expect(await run('--allow-errors')).toBe(0);
    expect(await run('--allow-errors', '--min-pass-rate', '0.9')).toBe(1);
    expect(await run('--min-pass-rate', '0.9')).toBe(3);
  });

  test('a port at which nobody listens is exit 3', async () => {
    const dir = directory({ 'c.jsonl': jsonl(cases(2)) });
    const env = { OPENAI_BASE_URL: `http://127.0.0.1:${await closedPort()}/v1` };
    const { code, stderr, stdout } = await command(['run', 'c.jsonl', '--retries', '0'], env, dir);
    expect(code).toBe(3);
    expect(stdout).toContain('ECONNREFUSED');
    expect(stderr.replaceAll('\n', ' ')).toContain('check OPENAI_BASE_URL');
  });

  test('a wrong key ends the run after ten calls, and says what to check', async () => {
    const dir = directory({ 'c.jsonl': jsonl(cases(200)) });
    const { url, received } = await provider((_, response) => {
      refuse(response, 401, 'Incorrect API key provided');
      return undefined;
    });
    const env = { OPENAI_BASE_URL: url, OPENAI_API_KEY: 'k' };
    const { code, stdout, stderr } = await command(['run', 'c.jsonl', '--json', 'out.json'], env, dir);
    expect(code).toBe(3);
    expect(received.length).toBeLessThan(40);
    expect(stdout.replaceAll('\n', ' ')).toMatch(
      /Stopped before the end.*none was answered \(HTTP 401.*check OPENAI_API_KEY/,
    );
    expect(stderr).toContain('OPENAI_API_KEY');
    expect(summaryOf(dir)).toMatchObject({ interrupted: true, stopped: expect.stringContaining('HTTP 401') });
  });
});

describe('one case', () => {
  test.each([1000, 5000, 100_000])('with %i nested brackets in what is expected never ends the run', async (depth) => {
    const deep = `{"id":"deep","input":"q","expected":${'['.repeat(depth)}${']'.repeat(depth)},"actual":"[]"}\n`;
    const dir = directory({
      'c.jsonl': `${jsonl([{ id: 'a', expected: 1, actual: 1 }])}${deep}${jsonl([{ id: 'z', expected: 2, actual: 2 }])}`,
    });
    const { code, stdout } = await recorded(dir, 'c.jsonl', '--json-lines', 'rows.jsonl', '--allow-errors');
    expect(code).toBe(0);
    expect(stdout).toContain('2 of 3 cases passed');
    const { results } = summaryOf(dir);
    expect(results).toMatchObject([
      { id: 'a', passed: true },
      { id: 'deep', passed: false },
      { id: 'z', passed: true },
    ]);
    if (depth > 1000) expect(results[1].error).toMatch(/nested/);
    expect(rowsOf(dir)).toHaveLength(3);
  });

  test('with an input nested too deep never ends the run', async () => {
    const deep = `{"id":"deep","input":${'['.repeat(50_000)}${']'.repeat(50_000)},"expected":"x"}\n`;
    const dir = directory({ 'c.jsonl': `${deep}${jsonl(cases(2))}` });
    const { url } = await provider(({ body }) => echo(body.messages[0]!.content));
    const { code } = await command(['run', 'c.jsonl', '--json', 'out.json'], { OPENAI_BASE_URL: url }, dir);
    expect(code).toBe(3);
    expect(summaryOf(dir)).toMatchObject({
      passed: 2,
      errors: 1,
      results: [{ id: 'deep', error: expect.any(String) }, {}, {}],
    });
  });

  test('whose expected value is not one number is an error of that case, and the model is not asked', async () => {
    const golds = ['12:00', '(0, 1)', '2024-01-15', '0x1F', 'none', null, { a: 1 }, '5'];
    const dir = directory({ 'c.jsonl': jsonl(golds.map((expected, i) => ({ id: `c${i}`, input: 'q', expected }))) });
    const { url, received } = await provider(() => 'The answer is 5.');
    const args = ['run', 'c.jsonl', '--scorer', 'numeric', '--json', 'out.json'];
    const { code, stdout } = await command(args, { OPENAI_BASE_URL: url }, dir);
    expect(code).toBe(3);
    expect(received).toHaveLength(1);
    expect(stdout).toContain('is not one number');
    const { passed, errors, results } = summaryOf(dir);
    expect({ passed, errors }).toEqual({ passed: 1, errors: golds.length - 1 });
    expect(results[0]).toMatchObject({ id: 'c0', actual: null, error: expect.stringContaining('not one number') });
  });

  test('of a dataset whose later record is broken is not lost', async () => {
    const good = jsonl(Array.from({ length: 12_000 }, (_, i) => ({ id: i, expected: i, actual: i })));
    const dir = directory({ 'c.jsonl': `${good}{"id": "broken"\n` });
    const { code, stdout, stderr } = await recorded(dir, 'c.jsonl');
    expect(code).toBe(2);
    expect(stderr).toMatch(/c\.jsonl.*12001/);
    expect(stdout).toContain('Stopped before the end');
    expect(summaryOf(dir)).toMatchObject({ interrupted: true, total: 12_000, passed: 12_000 });
  });
});

describe('--json and --json-lines', () => {
  const KEYS = [
    ...['id', 'category', 'input', 'expected', 'actual', 'passed', 'score', 'scores', 'error'],
    ...['latencyMs', 'tokens', 'cost', 'cached'],
  ];

  test('give each result whole', async () => {
    const records = [
      { id: 'a', input: 'say 1', expected: '1', category: 'x' },
      { id: 'b', input: 'say 2', expected: 'two', category: 'y' },
      { id: 'c', input: 'say 1', expected: '1', category: 'x' },
      { id: 'd', input: 'say 4', expected: '4', category: 'y' },
    ];
    const dir = directory({ 'c.jsonl': jsonl(records) });
    const { url } = await provider(({ body }, response) => {
      const text = echo(body.messages[0]!.content);
      if (text === '4') refuse(response, 400, 'no');
      return text;
    });
    const args = [
      'run',
      'c.jsonl',
      '--json',
      'out.json',
      '--json-lines',
      'rows.jsonl',
      '--price-in',
      '1',
      '--price-out',
      '2',
    ];
    expect((await command(args, { OPENAI_BASE_URL: url }, dir)).code).toBe(3);
    const { results } = summaryOf(dir);
    for (const row of results) expect(Object.keys(row)).toEqual(KEYS);
    const tokens = { prompt: 10, completion: 5, total: 15 };
    expect(results).toMatchObject([
      { ...records[0], actual: '1', passed: true, score: 1, error: null, tokens, cost: 2e-5, cached: false },
      { ...records[1], actual: '2', passed: false, score: 0, error: null, tokens, cost: 2e-5, cached: false },
      {
        ...records[2],
        actual: '1',
        passed: true,
        score: 1,
        error: null,
        tokens,
        cost: 0,
        cached: true,
        latencyMs: null,
      },
      {
        ...records[3],
        actual: null,
        passed: false,
        score: 0,
        error: expect.stringContaining('400'),
        tokens: null,
        cost: null,
      },
    ]);
    expect(results[0].latencyMs).toBeGreaterThan(0);
    const byId = (a: { id: string }, b: { id: string }) => (a.id < b.id ? -1 : 1);
    expect(rowsOf(dir).sort(byId)).toEqual(results);
  });

  test('write half a surrogate pair as it is, and compare numbers with every digit', async () => {
    const text = (n: string) => JSON.stringify(`{"n":${n},"t":"\\ud800"}`);
    const line = (id: string, n: string) =>
      `{"id":"${id}","input":"\\ud800","expected":${text('9007199254740993')},"actual":${text(n)}}\n`;
    const dir = directory({ 'c.jsonl': line('a', '9007199254740993') + line('b', '9007199254740992') });
    const { code } = await recorded(dir, 'c.jsonl', '--scorer', 'json', '--json-lines', 'rows.jsonl');
    expect(code).toBe(0);
    for (const name of ['out.json', 'rows.jsonl']) {
      expect(readFileSync(join(dir, name), 'utf8')).toContain('"input":"\\ud800"');
    }
    expect(summaryOf(dir).results).toMatchObject([{ passed: true }, { passed: false }]);
  });

  test('lines come while the run goes on', async () => {
    const dir = directory({ 'c.jsonl': jsonl(cases(12)) });
    const { url } = await provider(({ body }) => {
      const text = echo(body.messages[0]!.content);
      return Number(text) < 6 ? text : undefined;
    });
    const { child, outcome } = start(['run', 'c.jsonl', '--json-lines', 'rows.jsonl'], { OPENAI_BASE_URL: url }, dir);
    await expect
      .poll(
        () => existsSync(join(dir, 'rows.jsonl')) && readFileSync(join(dir, 'rows.jsonl'), 'utf8').split('\n').length,
        { timeout: 15_000 },
      )
      .toBe(7);
    child.kill('SIGINT');
    expect((await outcome).code).toBe(130);
  });

  test('lines replace those of an earlier run, but not when the run comes to nothing', async () => {
    const dir = directory({ 'c.jsonl': jsonl([{ expected: 1, actual: 1 }]), 'bad.jsonl': jsonl([{ actual: 1 }]) });
    writeFileSync(join(dir, 'rows.jsonl'), '{"id":"before"}\n');
    expect((await recorded(dir, 'bad.jsonl', '--json-lines', 'rows.jsonl')).code).toBe(2);
    expect(rowsOf(dir)).toEqual([{ id: 'before' }]);
    expect((await recorded(dir, 'bad.jsonl', '--json-lines', 'new.jsonl')).code).toBe(2);
    expect(existsSync(join(dir, 'new.jsonl'))).toBe(false);
    expect((await recorded(dir, 'c.jsonl', '--json-lines', 'rows.jsonl')).code).toBe(0);
    expect(rowsOf(dir)).toMatchObject([{ id: 'case-1' }]);
  });
});

describe('--show-failures', () => {
  const failing = (n: number) =>
    jsonl(Array.from({ length: n }, (_, i) => ({ id: `c${i}`, expected: `want ${i}`, actual: `got ${i}` })));

  test('shows the first five failed cases with what was expected and what came', async () => {
    const dir = directory({ 'c.jsonl': failing(8) });
    const { stdout } = await recorded(dir, 'c.jsonl');
    expect(stdout).toContain('The first 5 of 8 failed cases:');
    expect(stdout).toMatch(/c0 \(\(none\)\)\n {4}expected {2}want 0\n {4}actual {4}got 0\n/);
    expect(stdout).toContain('want 4');
    expect(stdout).not.toContain('want 5');
  });

  test('shows as many as it is told, none for 0', async () => {
    const dir = directory({ 'c.jsonl': failing(8) });
    expect((await recorded(dir, 'c.jsonl', '--show-failures', '7')).stdout).toContain('want 6');
    expect((await recorded(dir, 'c.jsonl', '--show-failures', '0')).stdout).not.toContain('want');
  });

  test('never lets an answer steer the terminal or go beyond 80 columns', async () => {
    const actual = `\u001b[2J${'x'.repeat(1000)}\r\n\u0007end`;
    const dir = directory({ 'c.jsonl': jsonl([{ id: 'a', expected: 'y'.repeat(500), actual }]) });
    const { stdout } = await recorded(dir, 'c.jsonl');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape is what is looked for
    expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
    for (const line of stdout.split('\n')) expect(line.length, line).toBeLessThanOrEqual(80);
  });
});

test('the interval stands beside the rate, in text and in JSON', async () => {
  const dir = directory({
    'c.jsonl': jsonl(Array.from({ length: 10 }, (_, i) => ({ expected: 1, actual: i < 8 ? 1 : 2 }))),
  });
  const { stdout } = await recorded(dir, 'c.jsonl');
  expect(stdout).toContain('8 of 10 cases passed (80.0%)');
  expect(stdout).toContain('95 % interval 49.0 to 94.3%');
  const { interval, answeredInterval } = summaryOf(dir);
  expect(interval.low).toBeCloseTo(0.490162, 5);
  expect(answeredInterval).toEqual(interval);
});

test('refusals are blamed on the limit, and the run gets its answers', async () => {
  const dir = directory({ 'c.jsonl': jsonl(cases(6)) });
  const refused = new Set<string>();
  const { url } = await provider(({ body }, response) => {
    const text = echo(body.messages[0]!.content);
    if (!refused.has(text)) {
      refused.add(text);
      refuse(response, 429, 'slow down', { 'retry-after-ms': '400' });
    }
    return text;
  });
  const args = ['run', 'c.jsonl', '--json', 'out.json', '--concurrency', '2'];
  const { code, stdout } = await command(args, { OPENAI_BASE_URL: url }, dir);
  expect(code).toBe(0);
  const { passed, errors, refusals, bottlenecks } = summaryOf(dir);
  expect({ passed, errors, refusals }).toEqual({ passed: 6, errors: 0, refusals: 6 });
  expect(bottlenecks[0]).toMatchObject({
    component: 'rate-limit',
    recommendation: expect.stringContaining('HTTP 429'),
  });
  expect(stdout).not.toContain('critical');
});

test('Ctrl-C says so in the summary', async () => {
  const dir = directory({ 'c.jsonl': jsonl(cases(40)) });
  const { url } = await provider(({ body }) => {
    const text = echo(body.messages[0]!.content);
    return Number(text) < 10 ? text : undefined;
  });
  const { child, outcome } = start(['run', 'c.jsonl', '--json', 'out.json'], { OPENAI_BASE_URL: url }, dir);
  await said(child, '10/40');
  child.kill('SIGINT');
  expect((await outcome).code).toBe(130);
  expect(summaryOf(dir)).toMatchObject({ interrupted: true, stopped: 'Ctrl-C' });
});
