import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { command, directory, jsonl, provider, start } from './command.js';

const cases = jsonl(
  Array.from({ length: 30 }, (_, i) => ({ id: `c${i}`, input: `question ${i % 25}`, expected: `answer ${i % 25}` })),
);

/** The verdicts of a run, without what each cost. */
const verdictsOf = ({ results }: { results: Record<string, unknown>[] }) =>
  results.map(({ id, passed, score, actual }) => ({ id, passed, score, actual }));

/** A provider that knows every answer, a dataset, and runs against both that keep their answers in one file. */
async function project(answer = (question: string) => question.replace('question', 'answer')) {
  const { url, received } = await provider(({ body }) => answer(body.messages.at(-1)?.content ?? ''));
  const dir = directory({ 'cases.jsonl': cases });
  const env = {
    OPENAI_BASE_URL: url,
    OPENAI_API_KEY: 'k',
    AI_EVALS_CACHE_FILE: join(dir, '.ai-evals', 'answers.db'),
  };
  const run = async (...flags: string[]) => {
    const before = received.length;
    const outcome = await command(
      ['run', 'cases.jsonl', '--json', 'out.json', '--model', 'gpt-4o-mini', ...flags],
      env,
      dir,
    );
    const summary = existsSync(join(dir, 'out.json'))
      ? JSON.parse(readFileSync(join(dir, 'out.json'), 'utf8'))
      : undefined;
    return { ...outcome, summary, calls: received.length - before };
  };
  return { run, dir };
}

test('a second run asks nothing, gives the same verdicts and says what it saved', async () => {
  const { run, dir } = await project();
  const first = await run();
  expect(first).toMatchObject({ code: 0, calls: 25 });
  const second = await run();
  expect(second).toMatchObject({ code: 0, calls: 0, stderr: expect.not.stringContaining('arning') });
  expect(verdictsOf(second.summary)).toEqual(verdictsOf(first.summary));
  for (const { cached, cost, latencyMs, tokens } of second.summary.results) {
    expect({ cached, cost, latencyMs, tokens: tokens.total }).toEqual({
      cached: true,
      cost: 0,
      latencyMs: null,
      tokens: 15,
    });
  }
  expect(second.summary).toMatchObject({ passed: 30, tokens: { total: 0 }, cost: 0, latency: { count: 0 } });
  expect(second.summary.cache).toMatchObject({ hits: 30, shared: 0, misses: 0, hitRate: 1, tokensSaved: 30 * 15 });
  expect(second.summary.cache.costSaved).toBeGreaterThan(0);
  expect(second.stdout).toContain('none: the model was not asked');
  expect(second.stdout).not.toContain('bottlenecks');
  expect(second.stdout).toMatch(/cache +100\.0% \(30 of 30 cases\)\n +saved 30 calls, 450 tokens and \$0\.0/);
  expect(readFileSync(join(dir, '.ai-evals', '.gitignore'), 'utf8')).toBe('*\n');
});

test('runs at the same time ask for each answer once, and each says what it had of the others', async () => {
  let most = 0;
  let atOnce = 0;
  const { url, received } = await provider(({ body }, response) => {
    most = Math.max(most, ++atOnce);
    setTimeout(() => {
      atOnce -= 1;
      const message = { content: body.messages.at(-1)?.content.replace('question', 'answer') };
      response.setHeader('content-type', 'application/json');
      const usage = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 };
      response.end(JSON.stringify({ choices: [{ message, finish_reason: 'stop' }], usage }));
    }, 100);
    return undefined;
  });
  const env = { OPENAI_BASE_URL: url, OPENAI_API_KEY: 'k' };
  const dir = directory({ 'cases.jsonl': cases });
  const flags = ['--model', 'gpt-4o-mini', '--cache-file', join(dir, 'answers.db'), '--concurrency', '4'];
  const runs = await Promise.all(
    ['a', 'b', 'c'].map(async (name) => {
      const outcome = await command(['run', 'cases.jsonl', '--json', `${name}.json`, ...flags], env, dir);
      return { ...outcome, summary: JSON.parse(readFileSync(join(dir, `${name}.json`), 'utf8')) };
    }),
  );
  const asked = received.map(({ body }) => body.messages.at(-1)?.content);
  expect(asked.toSorted()).toEqual([...new Set(asked)].toSorted());
  expect(asked.length).toBe(25);
  for (const { code, stderr, summary } of runs) {
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.not.stringContaining('arning') });
    const { passed, cache, latency, tokens } = summary;
    expect({ passed, calls: latency.count, tokens: tokens.total }).toEqual({
      passed: 30,
      calls: cache.misses,
      tokens: 15 * cache.misses,
    });
    expect(cache.hits + cache.shared + cache.misses).toBe(30);
    expect(cache.tokensSaved).toBe(15 * (cache.hits + cache.shared));
    expect(verdictsOf(summary)).toEqual(verdictsOf(runs[0]!.summary));
  }
  expect(runs.reduce((sum, { summary }) => sum + summary.cache.misses, 0)).toBe(25);
  expect(most, 'calls at the same time').toBeGreaterThan(1);
});

test('a run that is killed leaves its questions to the one that waits for them', async () => {
  let hang = true;
  const { url, received } = await provider(() => (hang ? undefined : 'answer'));
  const dir = directory({ 'cases.jsonl': jsonl([{ input: 'question', expected: 'answer' }]) });
  const env = { OPENAI_BASE_URL: url, AI_EVALS_CACHE_FILE: join(dir, 'answers.db') };
  const first = start(['run', 'cases.jsonl'], env, dir);
  await expect.poll(() => received.length).toBe(1);
  hang = false;
  const second = command(['run', 'cases.jsonl'], env, dir);
  await new Promise((resolve) => setTimeout(resolve, 1000));
  expect(received.length, 'it waits').toBe(1);
  first.child.kill('SIGKILL');
  expect(await second).toMatchObject({ code: 0, stdout: expect.stringContaining('1 of 1 case') });
  expect(received.length).toBe(2);
});

test('other settings ask again', async () => {
  const { run } = await project();
  await run();
  expect((await run('--temperature', '0.5')).calls).toBe(25);
  expect((await run('--system', 'Be brief.')).calls).toBe(25);
  expect((await run('--model', 'gpt-4o')).calls).toBe(25);
  expect((await run('--temperature', '0.5')).calls).toBe(0);
});

test('--no-cache asks everything and keeps nothing; --record keeps what is new', async () => {
  let round = 0;
  const { run } = await project((question) => `${question.replace('question', 'answer')}${round > 0 ? '!' : ''}`);
  expect((await run('--no-cache')).calls).toBe(30);
  expect((await run()).summary.passed).toBe(30);
  round = 1;
  expect((await run()).calls).toBe(0);
  const recorded = await run('--record');
  expect(recorded.calls).toBeGreaterThanOrEqual(25);
  expect(recorded.summary.passed).toBe(0);
  expect(await run()).toMatchObject({ calls: 0, summary: { passed: 0 } });
});

test('--replay asks nothing: what is not kept is an error of its case', async () => {
  const { run } = await project();
  await run('--limit', '10');
  const { calls, code, summary, stdout } = await run('--replay');
  expect({ calls, code }).toEqual({ calls: 0, code: 3 });
  expect(summary).toMatchObject({ passed: 15, errors: 15, cache: { hits: 15, misses: 15, hitRate: 0.5 } });
  expect(stdout).toMatch(/cache +50\.0% \(15 of 30 cases\)/);
  expect(stdout).toContain('no answer is kept for this input');
});

test('answers that were cut off or refused are asked again', async () => {
  const { url, received } = await provider(({ body }, response) => {
    const question = body.messages.at(-1)?.content;
    response.setHeader('content-type', 'application/json');
    const message = { content: 'answer', refusal: question === 'refused' ? 'I cannot help with that' : null };
    response.end(JSON.stringify({ choices: [{ message, finish_reason: question === 'cut' ? 'length' : 'stop' }] }));
    return undefined;
  });
  const dir = directory({
    'cases.jsonl': jsonl(['cut', 'refused', 'whole'].map((input) => ({ input, expected: 'answer' }))),
  });
  const env = { OPENAI_BASE_URL: url, AI_EVALS_CACHE_FILE: join(dir, 'answers.db') };
  await command(['run', 'cases.jsonl'], env, dir);
  await command(['run', 'cases.jsonl'], env, dir);
  const asked = received.map(({ body }) => body.messages.at(-1)?.content).sort();
  expect(asked).toEqual(['cut', 'cut', 'refused', 'refused', 'whole']);
});

test('the local model is asked once, whatever its port', async () => {
  const env = { AI_EVALS_CACHE_FILE: join(directory(), 'answers.db') };
  const run = () => command(['run', '--limit', '20'], env);
  expect((await run()).stdout).not.toContain('was not asked');
  expect((await run()).stdout).toContain('none: the model was not asked');
});

test('a cache file that cannot be used is a warning, not the end', async () => {
  const { run } = await project();
  const { code, stderr, calls, summary } = await run('--cache-file', '/proc/nowhere/answers.db');
  expect({ code, calls }).toEqual({ code: 0, calls: 25 });
  expect(summary.passed).toBe(30);
  expect(stderr).toMatch(/AI_EVALS_CACHE_DEGRADED/);
});

test.each([
  [['--replay', '--record'], '--replay and --record exclude each other'],
  [['--no-cache', '--replay'], '--no-cache and --replay exclude each other'],
  [['--cache-file', ''], '--cache-file must not be empty'],
])('%j is refused', async (flags, message) => {
  const { code, stderr } = await command(['run', ...flags]);
  expect(code).toBe(2);
  expect(stderr).toContain(message);
});
