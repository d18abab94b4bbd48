import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { command, directory, jsonl, type Outcome, provider, refuse, start } from './command.js';

const number = 12;
const cases = jsonl(
  Array.from({ length: number }, (_, i) => ({ id: `c${i}`, input: `question ${i}`, expected: `answer ${i}` })),
);

/** The model `good` knows all, `half` every second case, `down` always fails. */
async function project(onRequest: (count: number) => boolean | undefined = () => undefined) {
  const { url, received } = await provider(({ body }, response, count) => {
    if (onRequest(count) === false) return undefined;
    const i = Number(body.messages.at(-1)!.content.split(' ')[1]);
    if (body.model === 'down') {
      refuse(response, 400, 'no such luck');
      return undefined;
    }
    return body.model === 'half' && i % 2 === 1 ? 'no idea' : `answer ${i}`;
  });
  const dir = directory({ 'cases.jsonl': cases });
  const env = {
    OPENAI_BASE_URL: url,
    OPENAI_API_KEY: 'k',
    AI_EVALS_STORE: join(dir, 'runs.db'),
    AI_EVALS_CACHE_FILE: join(dir, 'answers.db'),
  };
  const run = (...args: string[]): Promise<Outcome> => command(args, env, dir);
  const json = (file: string) => JSON.parse(readFileSync(join(dir, file), 'utf8'));
  const rows = async (args: string[]) => {
    const { stdout } = await run(...args);
    return stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
  };
  return { run, json, rows, dir, env, received };
}

describe('--model', () => {
  test('given several times, or with commas, makes a run of each, side by side', async () => {
    const { run, json, rows } = await project();
    const { code, stdout, stderr } = await run(
      'run',
      'cases.jsonl',
      '-m',
      'good,half',
      '--json',
      'out.json',
      '--no-cache',
    );
    expect({ code, stderr: stderr.includes('\u001b') }).toEqual({ code: 0, stderr: false });
    expect(stdout).toMatch(/cases\.jsonl: 2 models\n +model +passed[^\n]*\n +good +100\.0%[^\n]*\n +half +50\.0%/);
    expect(stdout).not.toContain('\u001b');
    expect(json('out.json')).toMatchObject({
      ...{ total: 2 * number, passed: 18, failed: 6, errors: 0 },
      runs: [
        { model: 'good', passed: number, results: expect.any(Array) },
        { model: 'half', passed: 6, results: expect.any(Array) },
      ],
    });
    expect((await rows(['runs', '--json'])).map(({ run: { modelId } }) => modelId).sort()).toEqual(['good', 'half']);
  });

  test('names a model of the configuration, with its own settings, over the configured list', async () => {
    const { run, received, dir } = await project();
    const { writeFileSync } = await import('node:fs');
    const models = [{ modelId: 'good', name: 'warm', temperature: 0.7, system: 'be kind' }, 'half'];
    writeFileSync(join(dir, 'ai-evals.config.json'), JSON.stringify({ datasets: ['cases.jsonl'], models }));
    expect((await run('run', '--model', 'warm')).code).toBe(0);
    expect(received).toHaveLength(number);
    expect(received[0]!.body).toMatchObject({ model: 'good', temperature: 0.7, messages: [{ role: 'system' }, {}] });
  });

  test('counts errors of one model alone: exit code 3 names it', async () => {
    const { run } = await project();
    const { code, stderr } = await run('run', 'cases.jsonl', '-m', 'good', '-m', 'down', '--retries', '0');
    expect(code).toBe(3);
    expect(stderr).toContain(`down: ${number} cases of ${number} ended without an answer`);
    expect((await run('run', 'cases.jsonl', '-m', 'good,down', '--allow-errors')).code).toBe(0);
  });

  test('refuses a model twice, and standard input for several', async () => {
    const { run } = await project();
    expect(await run('run', 'cases.jsonl', '-m', 'a,a')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--model a is given twice'),
    });
    expect(await run('run', '-', '-m', 'a,b')).toMatchObject({ code: 2, stderr: expect.stringContaining('read once') });
  });

  test('compare --models runs them and tells what the second one breaks', async () => {
    const { run } = await project();
    const { code, stdout } = await run('compare', '--models', 'good,half', '-d', 'cases.jsonl');
    expect({ code, told: stdout.includes('0 fixed, 6 broken, 6 unchanged') }).toEqual({ code: 0, told: true });
  });
});

describe('--repeat', () => {
  test('asks each case so often, keeps the answers apart and tells the consistency', async () => {
    const { run, json, received } = await project();
    await run('run', 'cases.jsonl', '-m', 'half', '--repeat', '3', '--json', 'a.json');
    expect(received).toHaveLength(3 * number);
    const { consistency, total, results } = json('a.json');
    expect({ consistency, total }).toEqual({
      consistency: { repeat: 3, cases: number, allPassed: 0.5, anyPassed: 0.5, agreement: 1 },
      total: 3 * number,
    });
    expect(results.slice(0, 4).map(({ id, repeat }: { id: string; repeat: number }) => `${id} ${repeat}`)).toEqual([
      'c0 0',
      'c0 1',
      'c0 2',
      'c1 0',
    ]);
    await run('run', 'cases.jsonl', '-m', 'half', '--repeat', '3');
    expect(received).toHaveLength(3 * number);
  });
});

describe('--only-failed and --retry-errors', () => {
  test('runs the failed cases of each model, of a run or of a file', async () => {
    const { run, received, json } = await project();
    await run('run', 'cases.jsonl', '-m', 'good,half', '--no-cache');
    const before = received.length;
    const again = await run(
      'run',
      'cases.jsonl',
      '-m',
      'half',
      '--only-failed',
      'last',
      '--no-cache',
      '--json',
      'f.json',
    );
    expect({ code: again.code, calls: received.length - before }).toEqual({ code: 0, calls: 6 });
    expect(json('f.json').results.map(({ id }: { id: string }) => id)).toEqual(['c1', 'c3', 'c5', 'c7', 'c9', 'c11']);
    const file = await run('run', 'cases.jsonl', '-m', 'good', '--only-failed', 'f.json', '--no-cache', '--no-store');
    expect({ code: file.code, calls: received.length - before }).toEqual({ code: 0, calls: 12 });
    expect(await run('run', 'cases.jsonl', '--only-failed', 'nope')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('there is no run nope'),
    });
  });

  test('asks the errors of a finished run again, and stores them in it', async () => {
    let isUp = false;
    const { url, received } = await provider(({ body }, response) => {
      const text = body.messages.at(-1)!.content;
      if (!isUp && text.endsWith('3')) {
        refuse(response, 400, 'down');
        return undefined;
      }
      return text.replace('question', 'answer');
    });
    const dir = directory({ 'cases.jsonl': cases });
    const env = { OPENAI_BASE_URL: url, OPENAI_API_KEY: 'k', AI_EVALS_STORE: join(dir, 'r.db') };
    expect((await command(['run', 'cases.jsonl'], env, dir)).code).toBe(3);
    isUp = true;
    const before = received.length;
    const { code, stdout } = await command(['run', 'cases.jsonl', '--retry-errors', 'last'], env, dir);
    expect({ code, calls: received.length - before }).toEqual({ code: 0, calls: 1 });
    expect(stdout).toContain(`${number} of ${number} cases passed`);
    const { stdout: list } = await command(['runs', '--json'], env, dir);
    expect(list.trim().split('\n')).toHaveLength(1);
  });

  test('exclude each other', async () => {
    const { run } = await project();
    for (const flags of [
      ['--only-failed', 'a', '--resume', 'b'],
      ['--resume', 'a', '--retry-errors', 'b'],
    ]) {
      expect(await run('run', 'cases.jsonl', ...flags)).toMatchObject({
        code: 2,
        stderr: expect.stringContaining('exclude each other'),
      });
    }
  });
});

describe('--resume of several models', () => {
  test('after kill -9, twice, equals a run that went through', async () => {
    let hold = 10;
    let arrived: (() => void) | undefined;
    const { run, json, dir, env, rows } = await project((count) => {
      if (count < hold) return undefined;
      arrived?.();
      return false;
    });
    const args = [
      'run',
      'cases.jsonl',
      '-m',
      'good,half',
      '--repeat',
      '2',
      '--no-cache',
      '--concurrency',
      '3',
      '--retries',
      '0',
    ];
    for (const resume of [[], ['--resume', 'last']]) {
      const reached = new Promise<void>((resolve) => {
        arrived = resolve;
      });
      const { child } = start([...args, ...resume], env, dir);
      await reached;
      child.kill('SIGKILL');
      await once(child, 'close');
      hold += 15;
    }
    hold = Number.POSITIVE_INFINITY;
    expect((await run(...args, '--resume', 'last', '--json', 'resumed.json')).code).toBe(0);
    expect(await rows(['runs', '--json'])).toHaveLength(2);
    await run(...args, '--json', 'whole.json', '--no-store');
    const verdicts = (file: string) =>
      json(file).runs.map(({ model, passed, total, consistency, results }: Record<string, never>) => ({
        ...{ model, passed, total, consistency },
        results: (results as unknown as Record<string, unknown>[]).map(({ id, repeat, actual, passed: isPassed }) => ({
          id,
          repeat,
          actual,
          isPassed,
        })),
      }));
    expect(verdicts('resumed.json')).toEqual(verdicts('whole.json'));
  });
});

describe('--dry-run', () => {
  test('tells cases, tokens, cost and time, and calls and writes nothing', async () => {
    const { run, received, dir } = await project();
    const { code, stdout } = await run(
      'run',
      'cases.jsonl',
      '-m',
      'gpt-4o-mini,unpriced',
      '--repeat',
      '2',
      '--dry-run',
      '--json',
    );
    const plan = JSON.parse(stdout);
    expect({ code, calls: received.length }).toEqual({ code: 0, calls: 0 });
    expect(plan).toMatchObject({
      ...{ calls: 4 * number, cost: null },
      runs: [
        { model: 'gpt-4o-mini', cases: number, repeat: 2, calls: 2 * number, cost: expect.any(Number) },
        { model: 'unpriced', cost: null },
      ],
    });
    expect(plan.runs[0].tokens.total).toBeGreaterThan(0);
    const { readdirSync } = await import('node:fs');
    expect(readdirSync(dir)).toEqual(['cases.jsonl']);
  });

  test('tells the time with each tier of the provider', async () => {
    const dir = directory({ 'cases.jsonl': cases });
    const { stdout } = await command(['run', 'cases.jsonl', '--dry-run', '--json'], { OPENAI_API_KEY: 'k' }, dir);
    const [{ time }] = JSON.parse(stdout).runs;
    expect(Object.keys(time)).toEqual(['limits', 'openai tier1', 'openai tier2']);
    expect(time['openai tier2']).toBeLessThanOrEqual(time['openai tier1']);
  });

  test('finds mistakes in scorers and datasets', async () => {
    const { run } = await project();
    expect((await run('run', 'nope.jsonl', '--dry-run')).code).toBe(2);
    expect((await run('run', 'cases.jsonl', '--scorer', 'rouge:type=rougeX', '--dry-run')).code).toBe(2);
  });
});

describe('--interactive', () => {
  test('asks nothing without a terminal, and calls nothing', async () => {
    const { run, received } = await project();
    expect(await run('run', 'cases.jsonl', '-i')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('needs a terminal'),
    });
    expect(received).toHaveLength(0);
  });
});

describe('--verbose', () => {
  test('tells each verdict as it comes', async () => {
    const { run } = await project();
    const { stderr } = await run('run', 'cases.jsonl', '-m', 'half', '-v');
    expect(stderr.match(/^pass {2}c\d+$/gm)).toHaveLength(6);
    expect(stderr.match(/^FAIL {2}c\d+$/gm)).toHaveLength(6);
  });
});

describe('--watch', () => {
  test('runs again when a dataset changes, and ends with Ctrl-C', async () => {
    const { dir, env } = await project();
    const { writeFileSync } = await import('node:fs');
    const { child, outcome } = start(['run', 'cases.jsonl', '-m', 'good', '--watch'], env, dir);
    let printed = '';
    const states: [text: string, resolve: () => void][] = [];
    child.stderr!.on('data', (text: string) => {
      printed += text;
      while (states[0] !== undefined && printed.includes(states[0][0])) states.shift()![1]();
    });
    const state = (text: string) =>
      new Promise<void>((resolve) => {
        printed = '';
        states.push([text, resolve]);
      });
    await state('watching 1 file');
    const again = state('watching 1 file');
    writeFileSync(join(dir, 'cases.jsonl'), jsonl([{ id: 'new', input: 'question 1', expected: 'answer 1' }]));
    await again;
    child.kill('SIGINT');
    const { code, stdout } = await outcome;
    expect({ code, runs: [stdout.includes('12 of 12 cases passed'), stdout.includes('1 of 1 case passed')] }).toEqual({
      code: 0,
      runs: [true, true],
    });
  });
});
