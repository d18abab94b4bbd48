/** A comparison that was killed twice and taken up again equals one that ran through. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ComparisonReport } from '@aah/ai-evals/datasets';
import { EvalStore } from '@aah/ai-evals/store';
import { expect, onTestFinished, test } from 'vitest';

const require = createRequire(import.meta.url);
const { startLocalServer } =
  require('../../.facade/cli/local_model/server.js') as typeof import('../../ts/cli/local_model/server.js');

const TOTAL = 3 * 500 * 3;
const CONCURRENCY = 32;

/** Runs the child; kills it once so many calls are done. Resolves to its report, if it came to it. */
function compare(
  url: string,
  server: string,
  killAfter = Number.POSITIVE_INFINITY,
): Promise<ComparisonReport | undefined> {
  const child = spawn(process.execPath, [join(__dirname, 'comparison_child.mjs'), url, server]);
  onTestFinished(() => void child.kill('SIGKILL'));
  let [text, told] = ['', ''];
  child.stderr.setEncoding('utf8').on('data', (more: string) => {
    told += more;
  });
  child.stdout.setEncoding('utf8').on('data', (more: string) => {
    text += more;
    const done = Number(
      text
        .slice(0, text.lastIndexOf('\n'))
        .split('\n')
        .findLast((line) => /^\d/.test(line))
        ?.split('/')[0],
    );
    if (done >= killAfter) child.kill('SIGKILL');
  });
  return new Promise((resolve, reject) => {
    child.on('close', (code, signal) => {
      const report = /^report (.*)$/m.exec(text)?.[1];
      if (signal === 'SIGKILL') resolve(undefined);
      else if (report !== undefined && code === 0) resolve(JSON.parse(report) as ComparisonReport);
      else reject(new Error(`exit ${code}: ${told}`));
    });
  });
}

/** The part of a report that does not tell the time. */
function timeless(report: ComparisonReport | undefined) {
  const { startTime: _, endTime: __, duration: ___, models, ...rest } = report!;
  return { ...rest, models: models.map(({ latency: ____, ...model }) => model) };
}

async function rowsOf(url: string) {
  const store = await EvalStore.open(url);
  const rows: unknown[] = [];
  for (const name of ['local-rules-1', 'local-rules-1-small', 'local-rules-1-large']) {
    for await (const { testCaseId, repeat, actual, passed, score, cost, tokenUsage } of store.results(
      `killed:${name}`,
    )) {
      rows.push([name, testCaseId, repeat, actual, passed, score, cost, tokenUsage]);
    }
    expect((await store.getRun(`killed:${name}`))?.status).toBe('completed');
  }
  await store.close();
  return rows;
}

test('three local models × 500 cases × 3 repeats, killed twice and resumed, equal a run that went through', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ai-evals-killed-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const limits = { requestsPerMinute: 1e9, tokensPerMinute: 1e12, requestsPerSecond: 1e9 };
  const server = await startLocalServer({ latencyScale: 0, busy: false, limits });
  onTestFinished(() => server.close());
  const [killed, whole] = ['killed', 'whole'].map((name) => `sqlite:${join(folder, `${name}.db`)}`) as [string, string];
  expect(await compare(killed, server.url, 700)).toBeUndefined();
  expect(await compare(killed, server.url, 700)).toBeUndefined();
  const resumed = await compare(killed, server.url);
  const calls = server.counts.answered;
  // What was in flight, or waited to be durable, when the process was killed is asked for again; nothing else is.
  expect(calls).toBeGreaterThanOrEqual(TOTAL);
  expect(calls).toBeLessThan(TOTAL + 2 * 1000 + 2 * CONCURRENCY);
  const through = await compare(whole, server.url);
  expect(server.counts.answered - calls).toBe(TOTAL);
  expect(through!.models.map(({ total, errors }) => [total, errors])).toEqual([
    [1500, 0],
    [1500, 0],
    [1500, 0],
  ]);
  expect(timeless(resumed)).toEqual(timeless(through));
  expect(await rowsOf(killed)).toEqual(await rowsOf(whole));
});
