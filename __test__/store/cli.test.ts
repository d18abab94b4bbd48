import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { command, directory, jsonl, provider, start } from '../cli/command.js';

const cases = (count: number) =>
  jsonl(
    Array.from({ length: count }, (_, n) => ({
      id: `c${n}`,
      input: `question ${n}`,
      expected: `answer ${n}`,
      category: n % 2 ? 'odd' : 'even',
    })),
  );
const recorded = (count: number, wrong: number[] = []) =>
  jsonl(
    Array.from({ length: count }, (_, n) => ({
      id: `c${n}`,
      expected: `${n}`,
      answer: wrong.includes(n) ? 'no' : `${n}`,
    })),
  );
const SCORE = ['--actual-field', 'answer', '--scorer', 'exact'];

/** A provider that answers questions right. */
const oracle = (waiting = () => false) =>
  provider(({ body }) => (waiting() ? undefined : body.messages.at(-1)!.content.replace('question', 'answer')));

function rows(file: string, sql: string): Record<string, unknown>[] {
  const database = new Database(file, { readonly: true });
  try {
    return database.prepare(sql).all() as Record<string, unknown>[];
  } finally {
    database.close();
  }
}

/** Runs recorded answers in a directory of their own; returns what is needed to look at the run. */
async function kept(wrong: number[] = [1]) {
  const dir = directory({ 'c.jsonl': recorded(6, wrong) });
  const env = { AI_EVALS_STORE: join(dir, 'runs.db') };
  const run = async (args: string[] = []) => {
    const { stderr } = await command(['run', 'c.jsonl', ...SCORE, ...args], env, dir);
    return /^(?:resuming )?run (\S+) in /m.exec(stderr)![1]!;
  };
  return { dir, env, file: env.AI_EVALS_STORE, run, ask: (...args: string[]) => command(args, env, dir) };
}

describe('ai-evals run', () => {
  it('keeps every result in the store', async () => {
    const { file, run } = await kept();
    const id = await run();
    expect(rows(file, 'SELECT "id", "status", "runnerType", "datasetId", "modelId" FROM "EvalRun"')).toEqual([
      { id, status: 'completed', runnerType: 'ai-evals run', datasetId: 'c.jsonl', modelId: 'recorded answers' },
    ]);
    const results = rows(file, 'SELECT "testCaseId", "passed", "score" FROM "EvalResult" ORDER BY "testCaseId"');
    expect(results).toEqual(
      Array.from({ length: 6 }, (_, n) => ({ testCaseId: `c${n}`, passed: Number(n !== 1), score: Number(n !== 1) })),
    );
    expect(rows(file, 'SELECT "totalTests", "passedTests" FROM "EvalMetrics"')).toEqual([
      { totalTests: 6, passedTests: 5 },
    ]);
  });

  it('keeps them in .ai-evals/runs.db by default, hidden from version control', async () => {
    const dir = directory({ 'c.jsonl': recorded(2) });
    const { code } = await command(['run', 'c.jsonl', ...SCORE], { AI_EVALS_STORE: '' }, dir);
    expect(code).toBe(0);
    expect(rows(join(dir, '.ai-evals/runs.db'), 'SELECT COUNT(*) AS n FROM "EvalResult"')).toEqual([{ n: 2 }]);
    expect(readFileSync(join(dir, '.ai-evals/.gitignore'), 'utf8')).toBe('*\n');
  });

  it('takes --store before AI_EVALS_STORE', async () => {
    const { dir, file, run } = await kept();
    await run(['--store', `sqlite:${join(dir, 'other.db')}`]);
    expect(existsSync(file)).toBe(false);
    expect(rows(join(dir, 'other.db'), 'SELECT COUNT(*) AS n FROM "EvalRun"')).toEqual([{ n: 1 }]);
  });

  it('keeps nothing with --no-store', async () => {
    const dir = directory({ 'c.jsonl': recorded(2) });
    const { code, stderr } = await command(['run', 'c.jsonl', ...SCORE, '--no-store'], { AI_EVALS_STORE: '' }, dir);
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.not.stringContaining('run ') });
    expect(readdirSync(dir)).toEqual(['c.jsonl']);
  });

  it('ends before any call when the store cannot be opened', async () => {
    const dir = directory({
      'c.jsonl': cases(2),
      'runs.db': 'this is no database, but long enough to be taken for one. '.repeat(20),
    });
    const { url, received } = await oracle();
    const env = { OPENAI_BASE_URL: url, AI_EVALS_STORE: join(dir, 'runs.db') };
    const { code, stderr } = await command(['run', 'c.jsonl'], env, dir);
    expect({ code, calls: received.length }).toEqual({ code: 2, calls: 0 });
    expect(stderr).toContain('runs.db');
    expect(stderr).toContain('--no-store');
    expect((await command(['run', 'c.jsonl', '--no-store', '--scorer', 'exact'], env, dir)).code).toBe(0);
  });

  it('keeps each of the cases that have one id', async () => {
    const dir = directory({
      'c.jsonl': jsonl([1, 2, 3].map((n) => ({ id: 'same', expected: `${n}`, answer: `${n}` }))),
    });
    const env = { AI_EVALS_STORE: join(dir, 'runs.db') };
    for (const args of [[], ['--resume', 'last']]) {
      expect((await command(['run', 'c.jsonl', ...SCORE, ...args], env, dir)).code).toBe(0);
      expect(rows(env.AI_EVALS_STORE, 'SELECT "expected" FROM "EvalResult" ORDER BY "expected"')).toHaveLength(3);
    }
  });

  it.each([
    [['--no-store', '--store', 'x.db'], /--no-store and --store exclude each other/],
    [['--no-store', '--resume', 'last'], /--no-store and --resume exclude each other/],
    [['--force'], /--force belongs to --resume/],
    [['--store', ''], /--store must not be empty/],
    [['--store', 'c.jsonl'], /is the dataset itself/],
    [['--resume', 'last'], /there is no run in/],
    [['--resume', 'nobody'], /there is no run nobody in/],
    [['--store', 'postgres://u:geheim@127.0.0.1:1/x?nope=1'], /nope/],
  ])('refuses %j', async (args, message) => {
    const { dir, env } = await kept();
    const { code, stderr } = await command(['run', 'c.jsonl', ...SCORE, ...args], env, dir);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(message) });
    expect(stderr).not.toContain('geheim');
  });
});

describe('ai-evals run --resume', () => {
  it('ends with every case once after kill -9 at 20 moments, and asks for none that was stored', async () => {
    const count = 120;
    const dir = directory({ 'c.jsonl': cases(count) });
    const { url, received } = await oracle();
    const file = join(dir, 'runs.db');
    const env = { OPENAI_BASE_URL: url, AI_EVALS_STORE: file };
    const args = [
      'run',
      'c.jsonl',
      '--no-cache',
      '--scorer',
      'exact',
      '--concurrency',
      '3',
      '--rpm',
      '100000',
      '--tpm',
      '100000000',
    ];
    const stored = () =>
      existsSync(file)
        ? rows(file, 'SELECT "testCaseId" FROM "EvalResult"').map((row) => row.testCaseId as string)
        : [];
    for (let round = 0; round < 20; round += 1) {
      const before = stored();
      const asked = received.length;
      const { child, outcome } = start([...args, ...(round === 0 ? [] : ['--resume', 'last'])], env, dir);
      const goal = asked + 1 + Math.floor(Math.random() * 5);
      await Promise.race([
        outcome,
        expect.poll(() => received.length, { interval: 1, timeout: 100_000 }).toBeGreaterThanOrEqual(goal),
      ]);
      child.kill('SIGKILL');
      await outcome;
      const repeated = received.slice(asked).map(({ body }) => body.messages.at(-1)!.content.replace('question ', 'c'));
      expect(repeated.filter((id) => before.includes(id))).toEqual([]);
    }
    const { code, stdout } = await command([...args, '--resume', 'last', '--json', 'out.json'], env, dir);
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining(`${count} of ${count} cases passed`) });
    expect(stored().toSorted()).toEqual(Array.from({ length: count }, (_, n) => `c${n}`).toSorted());
    expect(rows(file, 'SELECT "status" FROM "EvalRun"')).toEqual([{ status: 'completed' }]);
    const report = JSON.parse(readFileSync(join(dir, 'out.json'), 'utf8')) as {
      results: { id: string; actual: string }[];
    };
    expect(report.results.map(({ id, actual }) => [id, actual])).toEqual(
      Array.from({ length: count }, (_, n) => [`c${n}`, `answer ${n}`]),
    );
  });

  it('tries the cases without a verdict again', async () => {
    const dir = directory({ 'c.jsonl': cases(4) });
    let isBroken = true;
    const { url, received } = await provider(({ body }, response) => {
      const text = body.messages.at(-1)!.content;
      if (!isBroken || text !== 'question 2') return text.replace('question', 'answer');
      response.writeHead(400).end('{}');
      return undefined;
    });
    const env = { OPENAI_BASE_URL: url, AI_EVALS_STORE: join(dir, 'runs.db') };
    expect((await command(['run', 'c.jsonl', '--scorer', 'exact'], env, dir)).code).toBe(3);
    isBroken = false;
    const asked = received.length;
    const { code, stdout } = await command(
      ['run', 'c.jsonl', '--scorer', 'exact', '--resume', 'last', '--no-cache'],
      env,
      dir,
    );
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining('4 of 4 cases passed') });
    expect(received.slice(asked).map(({ body }) => body.messages.at(-1)!.content)).toEqual(['question 2']);
  });

  it('refuses other settings by name, unless forced', async () => {
    const { dir, run, ask } = await kept();
    const id = await run();
    const other = ['run', 'c.jsonl', '--actual-field', 'answer', '--scorer', 'json', '--resume', id];
    const { code, stderr } = await ask(...other);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(/scorerConfig\.scorers.*--force/s) });
    writeFileSync(join(dir, 'c.jsonl'), recorded(7));
    expect((await ask('run', 'c.jsonl', ...SCORE, '--resume', id)).stderr).toContain('datasetVersion');
    const forced = await ask('run', 'c.jsonl', ...SCORE, '--resume', id, '--force');
    expect(forced).toMatchObject({ code: 0, stdout: expect.stringContaining('6 of 7 cases passed') });
  });
});

describe('ai-evals runs', () => {
  it('lists the newest first', async () => {
    const { run, ask } = await kept();
    const ids = [await run(), await run()];
    const { code, stdout } = await ask('runs');
    expect(code).toBe(0);
    expect(
      stdout
        .split('\n')
        .slice(1, 3)
        .map((line) => line.split(' ')[0]),
    ).toEqual(ids.toReversed());
    expect(stdout).toContain('83.3%');
    const lines = (await ask('runs', '--json', '--limit', '1')).stdout.trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([{ run: { id: ids[1] }, metrics: { totalTests: 6 } }]);
    expect((await ask('runs', '--status', 'failed')).stdout).toContain('no run in');
  });

  it('says so where there is no store, and makes none', async () => {
    const { file, ask } = await kept();
    expect(await ask('runs')).toMatchObject({ code: 2, stderr: expect.stringContaining('there is no store at') });
    expect(existsSync(file)).toBe(false);
  });
});

describe('ai-evals show', () => {
  it('shows figures and failed cases', async () => {
    const { run, ask } = await kept([1, 4]);
    const id = await run();
    const { stdout } = await ask('show', 'last');
    expect(stdout).toContain(`run ${id}`);
    expect(stdout).toContain('4 of 6 cases (66.7%)');
    expect(stdout).toMatch(/c1 .*c4 /s);
    const shown = JSON.parse((await ask('show', id, '--json')).stdout) as { failures: { testCaseId: string }[] };
    expect(shown.failures.map(({ testCaseId }) => testCaseId)).toEqual(['c1', 'c4']);
  });
});

describe('ai-evals compare', () => {
  it('compares runs of the store, and files with runs', async () => {
    const { dir, run, ask } = await kept([1, 2]);
    const a = await run(['--json', 'a.json']);
    writeFileSync(join(dir, 'c.jsonl'), recorded(6, [2, 3]));
    const b = await run();
    for (const one of [a, 'a.json']) {
      const { code, stdout } = await ask('compare', one, b, '--json', 'diff.json');
      expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining('1 fixed, 1 broken, 4 unchanged') });
      const diff = JSON.parse(readFileSync(join(dir, 'diff.json'), 'utf8')) as object;
      expect(diff).toMatchObject({ fixed: ['c1'], broken: ['c3'], compared: 6, scorers: { exact: { fixed: ['c1'] } } });
    }
    expect(await ask('compare', a, 'nobody')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('there is no run nobody'),
    });
  });
});

describe('ai-evals export', () => {
  it('writes the results of a run', async () => {
    const { dir, run, ask } = await kept();
    await run();
    expect((await ask('export', 'last', 'out.csv')).stdout).toBe('6 results in out.csv\n');
    expect(readFileSync(join(dir, 'out.csv'), 'utf8').split('\r\n')).toHaveLength(8);
    expect((await ask('export', 'last', 'out.txt', '--format', 'jsonl')).code).toBe(0);
    expect(readFileSync(join(dir, 'out.txt'), 'utf8').trimEnd().split('\n')).toHaveLength(6);
  });
});

describe('ai-evals delete', () => {
  it('deletes runs, all or none of those that are named', async () => {
    const { file, run, ask } = await kept();
    const ids = [await run(), await run(), await run()];
    expect((await ask('delete', ids[0]!, 'nobody')).code).toBe(2);
    expect(rows(file, 'SELECT "id" FROM "EvalRun"')).toHaveLength(3);
    expect((await ask('delete', ids[0]!, 'last')).stdout).toBe(`deleted run ${ids[0]}\ndeleted run ${ids[2]}\n`);
    expect(rows(file, 'SELECT "runId" FROM "EvalResult" GROUP BY 1')).toEqual([{ runId: ids[1] }]);
  });
});

describe('ai-evals baseline', () => {
  it('sets and lists baselines', async () => {
    const { run, ask } = await kept();
    const id = await run();
    expect((await ask('baseline')).stdout).toContain('no baseline in');
    const args = ['baseline', 'set', 'main', 'last', '--description', 'of May', '--tag', 'a', '--tag', 'b'];
    expect((await ask(...args)).stdout).toBe(`baseline main is run ${id}\n`);
    const { stdout } = await ask('baseline', 'list', '--json');
    expect(JSON.parse(stdout)).toMatchObject({ name: 'main', runId: id, description: 'of May', tags: ['a', 'b'] });
    expect((await ask('baseline')).stdout).toMatch(/main +\S+ +c\.jsonl/);
  });
});

describe('ai-evals store check', () => {
  it('tells whether the tables are as they should be', async () => {
    const { file, run, ask } = await kept();
    await run();
    expect(await ask('store', 'check')).toMatchObject({ code: 0, stdout: expect.stringContaining('nothing to do') });
    const database = new Database(file);
    database.exec('DROP INDEX "EvalResult_runId_score_idx"; ALTER TABLE "EvalRun" DROP COLUMN "error"');
    database.close();
    expect(await ask('store', 'check')).toMatchObject({ code: 2, stderr: expect.stringContaining('error') });
  });
});

describe('usage of the commands on a store', () => {
  it.each([
    [['show'], /show needs a RUN/],
    [['export', 'last'], /export needs a FILE/],
    [['delete'], /delete needs a RUN/],
    [['runs', 'x'], /runs takes no "x"/],
    [['baseline', 'drop'], /baseline takes list or set/],
    [['baseline', 'set', 'x'], /baseline set needs a RUN/],
    [['store'], /store needs what to do/],
    [['export', 'last', 'f', '--format', 'xml'], /--format must be jsonl or csv/],
    [['runs', '--limt', '1'], /did you mean --limit/],
  ])('%j', async (args, message) => {
    const { code, stderr } = await command(args);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(message) });
  });

  it('is told by --help', async () => {
    for (const name of ['runs', 'show', 'export', 'delete', 'baseline', 'store']) {
      const { code, stdout } = await command([name, '--help']);
      expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining('Usage: ai-evals runs') });
    }
  });
});
