import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { closedPort, command, directory, jsonl, provider, refuse, said, start } from './command.js';

const KEY = 'sk-test-0123456789abcdef';
const cases = (n: number) =>
  Array.from({ length: n }, (_, i) => ({ id: `c${i}`, input: `say ${i}`, expected: `${i}` }));
const echo = (prompt: string) => prompt.replace('say ', '');
const summaryOf = (dir: string) => JSON.parse(readFileSync(join(dir, 'out.json'), 'utf8'));

describe('a provider named by the environment', () => {
  test('receives what OpenAI would, at its own path, with the key', async () => {
    const dir = directory({ 'c.jsonl': jsonl(cases(3)) });
    const { url, received } = await provider(({ body }) => echo(body.messages.at(-1)!.content));
    const { code, stdout, stderr } = await command(
      [
        ...['run', 'c.jsonl', '--model', 'house-model', '--system', 'Be brief.', '--temperature', '0'],
        ...['--max-tokens', '50', '--price-in', '1', '--price-out', '2', '--json', 'out.json'],
      ],
      { OPENAI_BASE_URL: `${url}/custom/v9/?tenant=5`, OPENAI_API_KEY: KEY },
      dir,
    );
    expect(code).toBe(0);
    expect(received).toHaveLength(3);
    for (const { path, headers, body } of received) {
      expect(path).toBe('/custom/v9/chat/completions?tenant=5');
      expect(headers.authorization).toBe(`Bearer ${KEY}`);
      expect(headers['content-type']).toBe('application/json');
      const { messages, ...rest } = body;
      expect(rest).toEqual({ model: 'house-model', temperature: 0, max_tokens: 50 });
      expect(messages).toEqual([
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: expect.stringMatching(/^say \d$/) },
      ]);
    }
    expect(summaryOf(dir)).toMatchObject({ passed: 3, tokens: { prompt: 30, completion: 15, total: 45 }, cost: 6e-5 });
    expect(stdout + stderr + readFileSync(join(dir, 'out.json'), 'utf8')).not.toContain(KEY);
  });

  test('needs no key, and sends nothing that was not asked for', async () => {
    const dir = directory({ 'c.jsonl': jsonl(cases(1)) });
    const { url, received } = await provider(() => '0');
    const { code, stdout } = await command(['run', 'c.jsonl'], { OPENAI_BASE_URL: `${url}/v1` }, dir);
    expect(code).toBe(0);
    expect(received[0]!.headers.authorization).toBeUndefined();
    expect(received[0]!.path).toBe('/v1/chat/completions');
    expect(Object.keys(received[0]!.body).sort()).toEqual(['messages', 'model']);
    expect(stdout).toContain('1 of 1 case passed (100.0%)');
  });

  test('is left alone with --local', async () => {
    const dir = directory({ 'c.jsonl': jsonl(cases(2)) });
    const { url, received } = await provider(() => '0');
    const { code, stdout } = await command(
      ['run', 'c.jsonl', '--local'],
      { OPENAI_BASE_URL: url, OPENAI_API_KEY: KEY },
      dir,
    );
    // The local model does not know these cases, and says so.
    expect({ code, calls: received.length }).toEqual({ code: 3, calls: 0 });
    expect(stdout.replaceAll(/\s+/g, ' ')).toContain('local models answer by rules only');
  });

  test('is sent chat messages as they are, and any other value as JSON', async () => {
    const messages = [
      { role: 'user', content: 'one' },
      { role: 'assistant', content: 'two' },
      { role: 'user', content: 'three' },
    ];
    const records = [
      { id: 'm', input: messages, expected: 'x' },
      { id: 'o', input: { q: [1] }, expected: 'x' },
    ];
    const dir = directory({ 'c.jsonl': jsonl(records) });
    const { url, received } = await provider(() => 'x');
    expect((await command(['run', 'c.jsonl', '--concurrency', '1'], { OPENAI_BASE_URL: url }, dir)).code).toBe(0);
    expect(received.map(({ body }) => body.messages)).toEqual([messages, [{ role: 'user', content: '{"q":[1]}' }]]);
  });
});

describe('results', () => {
  test('come in dataset order whatever finishes first', async () => {
    const dir = directory({ 'c.jsonl': jsonl(cases(30)) });
    const { url } = await provider(({ body }, response) => {
      const text = echo(body.messages[0]!.content);
      setTimeout(
        () => response.end(JSON.stringify({ choices: [{ message: { content: Number(text) % 3 ? text : 'no' } }] })),
        (30 - Number(text)) * 5,
      );
      return undefined;
    });
    const args = ['run', 'c.jsonl', '--concurrency', '30', '--json', 'out.json'];
    expect((await command(args, { OPENAI_BASE_URL: url }, dir)).code).toBe(0);
    expect(summaryOf(dir).results).toMatchObject(
      cases(30).map(({ id }, i) => ({ id, passed: i % 3 !== 0, score: i % 3 === 0 ? 0 : 1 })),
    );
  });

  test('of equal inputs share one call: from the cache, or while it is under way', async () => {
    const records = Array.from({ length: 50 }, (_, i) => ({
      id: `c${i}`,
      input: `say ${i % 4}`,
      expected: `${i % 4}`,
    }));
    const dir = directory({ 'c.jsonl': jsonl(records) });
    const { url, received } = await provider(({ body }) => echo(body.messages[0]!.content));
    const args = ['run', 'c.jsonl', '--json', 'out.json'];
    expect((await command(args, { OPENAI_BASE_URL: url }, dir)).code).toBe(0);
    expect(received).toHaveLength(4);
    const { cache, passed, tokens } = summaryOf(dir);
    expect(passed).toBe(50);
    expect(cache.misses).toBe(4);
    expect(cache.hits + cache.shared).toBe(46);
    expect(cache.hitRate).toBeCloseTo(0.92, 12);
    expect(tokens.total).toBe(4 * 15);
  });
});

describe('calls that fail', () => {
  test('are errors, counted apart; the run goes on and the key is never shown', async () => {
    const dir = directory({ 'c.jsonl': jsonl(cases(6)) });
    const { url } = await provider(({ body, headers }, response) => {
      const text = echo(body.messages[0]!.content);
      if (text === '1') refuse(response, 401, `Incorrect API key provided: ${headers.authorization!.slice(7)}`);
      if (text === '2') response.end('{"choices":[]}');
      if (text === '3') refuse(response, 400, 'no such parameter');
      return text === '4' ? 'wrong' : text;
    });
    const args = ['run', 'c.jsonl', '--json', 'out.json'];
    const { code, stdout, stderr } = await command(args, { OPENAI_BASE_URL: url, OPENAI_API_KEY: KEY }, dir);
    expect(code).toBe(3);
    const summary = summaryOf(dir);
    expect(summary).toMatchObject({ total: 6, passed: 2, failed: 1, errors: 3, passRate: 2 / 6 });
    expect(summary.results[1]).toMatchObject({
      id: 'c1',
      passed: false,
      score: 0,
      error: expect.stringContaining('HTTP 401'),
    });
    expect(stdout).toContain('3 cases got no verdict:');
    expect(stdout).toContain('HTTP 400: no such parameter');
    expect(stdout + stderr + JSON.stringify(summary)).not.toContain(KEY);
  });

  test('for a while are tried again, after the time a 429 asks for', async () => {
    const dir = directory({ 'c.jsonl': jsonl(cases(4)) });
    const seen = new Map<string, number[]>();
    const { url, received } = await provider(({ body }, response) => {
      const text = echo(body.messages[0]!.content);
      const times = seen.get(text) ?? [];
      seen.set(text, [...times, performance.now()]);
      if (text === '1' && times.length === 0) refuse(response, 429, 'slow down', { 'retry-after-ms': '700' });
      if (text === '2' && times.length < 2) refuse(response, 503, 'overloaded');
      return text;
    });
    const args = ['run', 'c.jsonl', '--json', 'out.json', '--concurrency', '1'];
    const { code } = await command(args, { OPENAI_BASE_URL: url }, dir);
    expect(code).toBe(0);
    expect(summaryOf(dir)).toMatchObject({ passed: 4, errors: 0 });
    expect(received).toHaveLength(7);
    expect(summaryOf(dir).retries).toBe(3);
    const [first, second] = seen.get('1')!;
    expect(second! - first!).toBeGreaterThanOrEqual(690);
  });

  test('for good end the case after the retries asked for', async () => {
    const dir = directory({ 'c.jsonl': jsonl(cases(1)) });
    const { url, received } = await provider((_, response) => {
      refuse(response, 500, 'broken');
      return undefined;
    });
    const args = ['run', 'c.jsonl', '--retries', '2', '--json', 'out.json'];
    const { code, stdout } = await command(args, { OPENAI_BASE_URL: url }, dir);
    expect(code).toBe(3);
    expect(received).toHaveLength(3);
    expect(summaryOf(dir).results[0].error).toBe('HTTP 500: broken');
    expect(stdout).toContain('Every case ended in an error:');
    const gated = [...args, '--min-pass-rate', '0.1'];
    expect((await command(gated, { OPENAI_BASE_URL: url }, dir)).code).toBe(3);
    expect((await command([...gated, '--allow-errors'], { OPENAI_BASE_URL: url }, dir)).code).toBe(1);
  });

  test('because nobody listens or answers say so', async () => {
    const dir = directory({ 'c.jsonl': jsonl(cases(1)) });
    const args = ['run', 'c.jsonl', '--retries', '0', '--json', 'out.json'];
    await command(args, { OPENAI_BASE_URL: `http://127.0.0.1:${await closedPort()}/v1` }, dir);
    expect(summaryOf(dir).results[0].error).toMatch(
      /no answer from http:\/\/127\.0\.0\.1:\d+\/v1: connect ECONNREFUSED/,
    );
    const { url } = await provider(() => undefined);
    await command([...args, '--timeout', '0.3'], { OPENAI_BASE_URL: url }, dir);
    expect(summaryOf(dir).results[0].error).toMatch(/tim(e|ed) ?out/i);
  });
});

describe('limits', () => {
  test('--rpm holds starts back and the time is reported', async () => {
    const dir = directory({ 'c.jsonl': jsonl(cases(6)) });
    const { url, received } = await provider(({ body }) => echo(body.messages[0]!.content));
    const { child, outcome } = start(
      ['run', 'c.jsonl', '--rpm', '4', '--json', 'out.json'],
      { OPENAI_BASE_URL: url },
      dir,
    );
    await new Promise((resolve) => setTimeout(resolve, 2500));
    expect(received).toHaveLength(4);
    child.kill('SIGINT');
    expect((await outcome).code).toBe(130);
    expect(summaryOf(dir)).toMatchObject({ total: 4, passed: 4, interrupted: true });
    expect(summaryOf(dir).throttleTime).toBeGreaterThan(1000);
  });

  test('--concurrency is never exceeded', async () => {
    const dir = directory({ 'c.jsonl': jsonl(cases(12)) });
    let [open, most] = [0, 0];
    const { url } = await provider((_, response) => {
      open += 1;
      most = Math.max(most, open);
      setTimeout(() => {
        open -= 1;
        response.end('{"choices":[{"message":{"content":"0"}}]}');
      }, 40);
      return undefined;
    });
    expect((await command(['run', 'c.jsonl', '--concurrency', '3'], { OPENAI_BASE_URL: url }, dir)).code).toBe(0);
    expect(most).toBe(3);
  });
});

describe('Ctrl-C', () => {
  test('prints and writes what was finished, with 130', async () => {
    const dir = directory({ 'c.jsonl': jsonl(cases(40)) });
    const { url } = await provider(({ body }) => {
      const text = echo(body.messages[0]!.content);
      return Number(text) < 10 ? text : undefined;
    });
    const { child, outcome } = start(['run', 'c.jsonl', '--json', 'out.json'], { OPENAI_BASE_URL: url }, dir);
    await said(child, '10/40');
    child.kill('SIGINT');
    const { code, stdout, stderr } = await outcome;
    expect(code).toBe(130);
    expect(stderr).toContain('stopping');
    expect(stdout).toContain('Stopped before the end');
    expect(stdout).toContain('10 of 10 cases passed');
    expect(summaryOf(dir)).toMatchObject({ interrupted: true, total: 10, passed: 10, errors: 0 });
    expect(summaryOf(dir).results.map(({ id }: { id: string }) => id)).toEqual(cases(10).map(({ id }) => id));
  });
});

test('Ctrl-C twice ends the process at once; before the first call, once is enough', async () => {
  const dir = directory({ 'c.jsonl': jsonl(cases(40)) });
  const { url } = await provider(() => undefined);
  const { child, outcome } = start(['run', 'c.jsonl', '--json', 'out.json'], { OPENAI_BASE_URL: url }, dir);
  await said(child, 'answered by');
  child.kill('SIGINT');
  child.kill('SIGINT');
  expect((await outcome).code).toBe(130);

  // A pipe that nobody writes to.
  execFileSync('mkfifo', [join(dir, 'many.jsonl')]);
  const checking = start(['run', 'many.jsonl', '--json', 'out2.json'], { OPENAI_BASE_URL: url }, dir);
  await expect
    .poll(() => readdirSync(dir).some((name) => name.startsWith('.out2.json')), { timeout: 100_000 })
    .toBe(true);
  checking.child.kill('SIGINT');
  expect(await checking.outcome).toEqual({ code: 130, stdout: '', stderr: 'stopped before anything was run\n' });
  expect(readdirSync(dir).filter((name) => name.includes('out2'))).toEqual([]);
});

test('a reader that goes away does not turn the run into a crash', async () => {
  const dir = directory({ 'c.jsonl': jsonl(cases(3)) });
  const { url } = await provider(({ body }) => echo(body.messages[0]!.content));
  const { child, outcome } = start(['run', 'c.jsonl', '--json', 'out.json'], { OPENAI_BASE_URL: url }, dir);
  child.stdout!.destroy();
  const { code, stderr } = await outcome;
  expect(code).toBe(0);
  expect(stderr).not.toContain('EPIPE');
  expect(existsSync(join(dir, 'out.json'))).toBe(true);
});

test('ai-evals serve answers until it is told to stop', async () => {
  const { child, outcome } = start(['serve', '--latency', '0']);
  const url = await new Promise<string>((resolve) => {
    child.stdout!.on('data', (text: string) => resolve(/served at (\S+)/.exec(text)![1]!));
  });
  const models = (await (await fetch(`${url}/models`)).json()) as { data: { id: string }[] };
  expect(models.data[0]!.id).toBe('local-rules-1');
  const run = await command(['run', '--limit', '20', '--model', 'local-rules-1'], { OPENAI_BASE_URL: url });
  expect(run.code).toBe(0);
  expect(run.stdout).toContain('of 20 cases passed');
  child.kill('SIGINT');
  expect((await outcome).code).toBe(0);
});
