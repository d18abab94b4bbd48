import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { command, directory, jsonl, provider } from './command.js';

const cases = jsonl(
  Array.from({ length: 20 }, (_, i) => ({
    id: `c${i}`,
    input: `question ${i}`,
    expected: `answer ${i}`,
    category: `k${i % 2}`,
  })),
);

/** A provider whose first `known` answers are right. */
async function project() {
  const state = { known: 20 };
  const { url, received } = await provider(({ body }) => {
    const i = Number(body.messages.at(-1)!.content.split(' ')[1]);
    return i < state.known ? `answer ${i}` : 'no idea';
  });
  const dir = directory({ 'cases.jsonl': cases });
  const env = {
    OPENAI_BASE_URL: url,
    OPENAI_API_KEY: 'k',
    AI_EVALS_STORE: join(dir, 'runs.db'),
    AI_EVALS_CACHE_FILE: join(dir, 'a.db'),
  };
  const run = (...args: string[]) => command(args, env, dir);
  const file = (name: string) => readFileSync(join(dir, name), 'utf8');
  return { run, file, state, received, dir };
}

const evaluate = ['run', 'cases.jsonl', '--no-cache'];

describe('--baseline', () => {
  test('with --fail-on ends with 1 for a regression of that severity or worse, and with 0 for lesser ones', async () => {
    const { run, state } = await project();
    await run(...evaluate);
    expect((await run('baseline', 'set', 'main', 'last')).code).toBe(0);
    // 20 to 19: 5 % of the baseline, which is major.
    state.known = 19;
    const gate = (severity: string) => run(...evaluate, '--baseline', 'main', '--fail-on', severity);
    // Latency and cost of a real call vary; only what was answered decides here.
    const critical = await run(...evaluate, '--baseline', 'main');
    expect(critical).toMatchObject({ code: 0, stdout: expect.stringContaining('major    accuracy: 100 to 95') });
    const { code, stderr } = await gate('major');
    expect({ code, told: stderr.replaceAll('\n', ' ').includes('of --fail-on major or worse') }).toEqual({
      code: 1,
      told: true,
    });
    state.known = 10;
    expect((await gate('critical')).code).toBe(1);
  });

  test('that is unknown ends with 2 before any call, and names those there are', async () => {
    const { run, received } = await project();
    await run(...evaluate);
    await run('baseline', 'set', 'main', 'last');
    const before = received.length;
    const { code, stderr } = await run(...evaluate, '--baseline', 'mian');
    expect({ code, calls: received.length - before }).toEqual({ code: 2, calls: 0 });
    expect(stderr).toContain('there is no baseline mian');
    expect(stderr).toContain('there are: main');
  });

  test('takes kept answers for what they would have cost, and their latency for unknown', async () => {
    const { run, file } = await project();
    await run('run', 'cases.jsonl', '--model', 'gpt-4o-mini');
    await run('baseline', 'set', 'main', 'last');
    const { code } = await run(
      'run',
      'cases.jsonl',
      '--model',
      'gpt-4o-mini',
      '-b',
      'main',
      '--fail-on',
      'minor',
      '--json',
      'out.json',
    );
    const { baseline, cache } = JSON.parse(file('out.json'));
    expect({ code, hits: cache.hits, regressions: baseline.regressions, improvements: baseline.improvements }).toEqual({
      ...{ code: 0, hits: 20, regressions: [], improvements: [] },
    });
    expect(baseline.unjudged).toContainEqual(expect.objectContaining({ metric: 'avgLatency', category: 'overall' }));
  });

  test('belongs to --fail-on, whose severities are known', async () => {
    const { run } = await project();
    expect(await run(...evaluate, '--fail-on', 'major')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('belongs to --baseline'),
    });
    expect(await run(...evaluate, '-b', 'x', '--fail-on', 'big')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('critical, major or minor'),
    });
  });
});

describe('--format and --output', () => {
  test('write the whole report as CI reads it, which report turns into any form', async () => {
    const { run, file, state } = await project();
    await run(...evaluate);
    await run('baseline', 'set', 'main', 'last');
    state.known = 10;
    const { code, stdout } = await run(...evaluate, '-b', 'main', '--format', 'json', '--output', 'report.json');
    expect({ code, summary: stdout.includes('10 of 20 cases passed') }).toEqual({ code: 0, summary: true });
    const report = JSON.parse(file('report.json'));
    expect(report).toMatchObject({
      summary: { totalTests: 20, passed: 10, failed: 10, errors: 0, accuracy: 50, status: 'completed' },
      metrics: { breakdown: { k0: { totalTests: 10 }, k1: { totalTests: 10 } } },
      runSummaries: [{ datasetId: 'cases.jsonl', results: expect.any(Array) }],
    });
    expect(report.regressions.map(({ severity }: { severity: string }) => severity)).toContain('critical');
    expect(report.runSummaries[0].results).toHaveLength(20);
    for (const format of ['markdown', 'html', 'csv', 'junit', 'github', 'json']) {
      const made = await run('report', '--input', 'report.json', '--format', format);
      expect({ format, code: made.code, isEmpty: made.stdout.length < 20 }).toEqual({
        format,
        code: 0,
        isEmpty: false,
      });
    }
    await run('report', 'report.json', '-o', 'r.html');
    expect(file('r.html')).toContain("default-src 'none'");
  });

  test('go to standard output without a file, and the summary to the other one', async () => {
    const { run } = await project();
    const { code, stdout, stderr } = await run(...evaluate, '-f', 'json');
    expect({ code, passed: JSON.parse(stdout).summary.passed }).toEqual({ code: 0, passed: 20 });
    expect(stderr).toContain('20 of 20 cases passed');
    const { stdout: only } = await run(...evaluate, '--json');
    expect(JSON.parse(only)).toMatchObject({ passed: 20 });
  });

  test('refuse pdf and unknown forms with 2, before any call', async () => {
    const { run, received } = await project();
    expect(await run(...evaluate, '-f', 'pdf')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('print that page to PDF'),
    });
    expect(await run(...evaluate, '-f', 'docx')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--format must be one of'),
    });
    expect(received).toHaveLength(0);
  });
});

describe('report', () => {
  test('of a stored run and of the newest command tells its figures', async () => {
    const { run } = await project();
    await run('run', 'cases.jsonl', '-m', 'a,b');
    const one = JSON.parse((await run('report', 'last', '--json')).stdout);
    const all = JSON.parse((await run('report', '--latest', '-f', 'json')).stdout);
    expect([one.summary.totalTests, all.summary.totalTests, all.runSummaries.length]).toEqual([20, 40, 2]);
  });

  test('ends with 2 for what is not there or no report', async () => {
    const { run, dir } = await project();
    await run(...evaluate);
    for (const [args, message] of [
      [['report'], 'report needs a RUN'],
      [['report', 'nope'], 'there is no run nope'],
      [['report', '--input', 'no.json'], 'no.json cannot be read'],
      [['report', 'cases.jsonl'], 'is not JSON'],
      [['report', 'last', '--latest'], 'report takes one of'],
      [['report', 'last', '--compare-baseline', 'no'], 'there is no baseline no'],
    ] as const) {
      expect(await command([...args], { AI_EVALS_STORE: join(dir, 'runs.db') }, dir)).toMatchObject({
        code: 2,
        stderr: expect.stringContaining(message),
      });
    }
  });
});
