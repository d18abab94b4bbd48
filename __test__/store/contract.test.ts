import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PerformanceMonitor } from '@aah/ai-evals/performance';
import { ArgumentRangeError, ArgumentTypeError, EvalStore, type StoreError } from '@aah/ai-evals/store';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { directory, gathered, newResult, newResults, newRun, opened, postgres, sqlite } from './backends.js';

const server = await postgres();
afterAll(() => server.stop());

describe.each([sqlite, server])('EvalStore on $name', (backend) => {
  const { missing, name, client } = backend;
  const test = it.skipIf(missing !== undefined);
  const open = async () => opened(await backend.create());

  describe('open', () => {
    test('creates the tables with the names that Prisma gives', async () => {
      const url = await backend.create();
      const store = await opened(url);
      expect(store.backend).toBe(name);
      expect(store.schema()).toMatchObject({ adopted: false });
      const query = client(url);
      for (const table of ['EvalRun', 'EvalResult', 'EvalMetrics', 'EvalBaseline']) {
        expect(await query(`SELECT * FROM "${table}"`)).toEqual([]);
      }
    });

    test('finds what an earlier store has written', async () => {
      const url = await backend.create();
      const first = await EvalStore.open(url);
      const { id } = await first.createRun(newRun());
      await first.close();
      const second = await opened(url);
      expect(await second.getRun(id)).toMatchObject({ id, datasetId: 'triage', status: 'running' });
      expect(second.schema().added).toEqual([]);
    });
  });

  describe('createRun', () => {
    test('fills in the defaults', async () => {
      const store = await open();
      const before = Date.now();
      const run = await store.createRun({ datasetId: 'd', datasetVersion: '1', modelId: 'm' });
      expect(run).toMatchObject({ status: 'running', runnerType: 'custom', modelConfig: {}, scorerConfig: {} });
      expect(run.id).toMatch(/^.{8,}$/);
      expect(run.startTime).toBeInstanceOf(Date);
      expect(run.startTime.getTime()).toBeGreaterThanOrEqual(before);
      expect(run).not.toHaveProperty('endTime');
      expect(await store.getRun(run.id)).toEqual(run);
    });

    test('keeps every column', async () => {
      const store = await open();
      const given = {
        ...newRun({ id: 'run-1', datasetName: 'Triage', runnerType: 'ci', status: 'failed', error: 'no answer' }),
        ...{ startTime: new Date(1_700_000_000_123), endTime: new Date(1_700_000_001_456), durationMs: 1333 },
        metadata: { commit: 'abc', list: [1, null, 'x'] },
      };
      const run = await store.createRun(given);
      expect(run).toMatchObject(given);
      expect(await store.getRun('run-1')).toMatchObject(given);
    });

    test('refuses an id that is there with ERR_STORE_CONFLICT', async () => {
      const store = await open();
      await store.createRun(newRun({ id: 'twice' }));
      await expect(store.createRun(newRun({ id: 'twice' }))).rejects.toMatchObject({ code: 'ERR_STORE_CONFLICT' });
    });
  });

  describe('getRun', () => {
    test('resolves to undefined for a run that is not there', async () => {
      expect(await (await open()).getRun('nobody')).toBeUndefined();
    });
  });

  describe('deleteRun', () => {
    test('removes results and metrics with the run', async () => {
      const url = await backend.create();
      const store = await opened(url);
      const { id } = await store.createRun(newRun());
      await store.insertResults(newResults(id, 5));
      await store.finishRun(id);
      expect(await store.deleteRun(id)).toBe(true);
      expect(await store.deleteRun(id)).toBe(false);
      const query = client(url);
      expect(await query('SELECT * FROM "EvalResult"')).toEqual([]);
      expect(await query('SELECT * FROM "EvalMetrics"')).toEqual([]);
      expect(await gathered(store.results(id))).toEqual([]);
    });
  });

  describe('insertResults', () => {
    test('gives each row the id that its key makes', async () => {
      const store = await open();
      const { id } = await store.createRun(newRun({ id: 'run-of-ids' }));
      await store.insertResults([newResult(id, 1), newResult(id, 1, { repeat: 1 })]);
      const ids = (await gathered(store.results(id))).map((row) => row.id);
      for (const made of ids) expect(made).toMatch(/^e[0-9a-z]{24}$/);
      expect(new Set(ids).size).toBe(2);
      const other = await open();
      await other.createRun(newRun({ id: 'run-of-ids' }));
      await other.insertResults([newResult(id, 1)]);
      expect((await gathered(other.results(id)))[0]!.id).toBe(ids[0]);
    });

    test('keeps every column', async () => {
      const store = await open();
      const { id } = await store.createRun(newRun());
      const given = newResult(id, 7, {
        ...{ repeat: 2, confidence: 0.25, explanation: 'close', metadata: { a: [1] } },
        createdAt: new Date(1_700_000_000_123),
      });
      await store.insertResults([given]);
      expect(await gathered(store.results(id))).toEqual([{ ...given, id: expect.any(String) }]);
    });

    test('fills in the defaults', async () => {
      const store = await open();
      const { id: runId } = await store.createRun(newRun());
      await store.insertResults([
        { runId, testCaseId: 'c', input: 1, expected: null, passed: false, score: -2.5, latencyMs: 0 },
      ]);
      const [row] = await gathered(store.results(runId));
      expect(row).toMatchObject({ repeat: 0, actual: null, tokenUsage: {}, cost: 0, expected: null, input: 1 });
      for (const column of ['confidence', 'explanation', 'metadata', 'category'])
        expect(row).not.toHaveProperty(column);
    });

    test('skips the rows that are there', async () => {
      const store = await open();
      const { id } = await store.createRun(newRun());
      expect(await store.insertResults(newResults(id, 10))).toEqual({ inserted: 10, skipped: 0 });
      expect(await store.insertResults(newResults(id, 15))).toEqual({ inserted: 5, skipped: 10 });
      expect(await gathered(store.results(id))).toHaveLength(15);
    });

    test('skips a row that comes twice in one call', async () => {
      const store = await open();
      const { id } = await store.createRun(newRun());
      const rows = [newResult(id, 1), newResult(id, 2), newResult(id, 1, { score: 0.5 })];
      expect(await store.insertResults(rows)).toEqual({ inserted: 2, skipped: 1 });
      expect((await gathered(store.results(id))).map(({ score }) => score)).toEqual([1, 1]);
    });

    test('refuses the first duplicate with ERR_STORE_CONFLICT when skipDuplicates is false', async () => {
      const store = await open();
      const { id } = await store.createRun(newRun());
      await store.insertResults(newResults(id, 1, 3));
      const inserting = store.insertResults(newResults(id, 6), { skipDuplicates: false, batchSize: 2 });
      await expect(inserting).rejects.toMatchObject({ code: 'ERR_STORE_CONFLICT', written: 2 });
      const stored = (await gathered(store.results(id))).map(({ index }) => index);
      expect(stored).toEqual([0, 1, 3]);
    });

    test('takes an asynchronous source', async () => {
      const store = await open();
      const { id } = await store.createRun(newRun());
      async function* rows() {
        for (let n = 0; n < 25; n += 1) yield newResult(id, n);
      }
      expect(await store.insertResults(rows(), { batchSize: 10 })).toEqual({ inserted: 25, skipped: 0 });
    });

    test('stores many batches of many rows', async () => {
      const store = await open();
      const { id } = await store.createRun(newRun());
      expect(await store.insertResults(newResults(id, 5000))).toEqual({ inserted: 5000, skipped: 0 });
      const indices = (await gathered(store.results(id))).map(({ index }) => index);
      expect(indices).toEqual(Array.from({ length: 5000 }, (_, n) => n));
    });

    test('names row and column of a value that is refused, and how many rows are stored', async () => {
      const store = await open();
      const { id } = await store.createRun(newRun());
      const rows = newResults(id, 5);
      rows[3]!.score = Number.NaN;
      const inserting = store.insertResults(rows, { batchSize: 2 });
      await expect(inserting).rejects.toBeInstanceOf(ArgumentRangeError);
      await expect(inserting).rejects.toMatchObject({ row: 3, column: 'score', written: 2 });
      await expect(inserting).rejects.toThrow(/rows\[3\]\.score/);
      // The rest of the batch, before and behind, was not sent.
      expect(await gathered(store.results(id))).toHaveLength(2);
      rows[3]!.score = 1;
      expect(await store.insertResults(rows)).toEqual({ inserted: 3, skipped: 2 });
    });

    test('stores all or none when atomic', async () => {
      const store = await open();
      const { id } = await store.createRun(newRun());
      const rows = newResults(id, 5);
      rows[4]!.latencyMs = -1;
      const options = { atomic: true, batchSize: 2 };
      await expect(store.insertResults(rows, options)).rejects.toMatchObject({
        row: 4,
        column: 'latencyMs',
        written: 0,
      });
      expect(await gathered(store.results(id))).toEqual([]);
      rows[4]!.latencyMs = 1;
      expect(await store.insertResults(rows, options)).toEqual({ inserted: 5, skipped: 0 });
    });

    test('stores nothing of an atomic call whose source fails', async () => {
      const store = await open();
      const { id } = await store.createRun(newRun());
      async function* rows() {
        yield* newResults(id, 5);
        throw new Error('the source broke');
      }
      await expect(store.insertResults(rows(), { atomic: true, batchSize: 2 })).rejects.toThrow('the source broke');
      expect(await gathered(store.results(id))).toEqual([]);
      expect(await store.insertResults(newResults(id, 1))).toEqual({ inserted: 1, skipped: 0 });
    });

    test('ends between two batches when it is aborted', async () => {
      const store = await open();
      const { id } = await store.createRun(newRun());
      const stop = new AbortController();
      function* rows() {
        for (let n = 0; ; n += 1) {
          if (n === 6) stop.abort(new Error('enough'));
          yield newResult(id, n);
        }
      }
      const inserting = store.insertResults(rows(), { batchSize: 2, signal: stop.signal });
      await expect(inserting).rejects.toMatchObject({ message: 'enough', written: 6 });
      expect(await gathered(store.results(id))).toHaveLength(6);
    });

    test('refuses rows of a run that is not there', async () => {
      const store = await open();
      await expect(store.insertResults(newResults('nobody', 1))).rejects.toMatchObject({
        code: 'ERR_STORE_NOT_FOUND',
        written: 0,
      });
    });
  });

  describe('JSON columns', () => {
    test('come back deep-equal, whatever JSON they hold', async () => {
      const store = await open();
      const { id } = await store.createRun(newRun());
      let n = 0;
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.jsonValue({ stringUnit: 'binary' }), { minLength: 1, maxLength: 20 }),
          async (values) => {
            const rows = values.map((value, i) => newResult(id, n + i, { input: value, metadata: { value } }));
            n += values.length;
            await store.insertResults(rows);
            const stored = await gathered(store.results(id));
            const found = stored.slice(-values.length);
            const plain = JSON.parse(JSON.stringify(values)) as unknown[];
            expect(found.map(({ input }) => input)).toEqual(plain);
            expect(found.map(({ metadata }) => metadata)).toEqual(plain.map((value) => ({ value })));
          },
        ),
        { numRuns: 20 },
      );
    });

    test.each([
      ['bare numbers', [5, 0.1, -0, 1e300, 1e21, 9_007_199_254_740_991]],
      ['numbers as texts', ['5', '1e3', '007', ' 1', '0x10']],
      ['U+0000', ['a\0b', { '\0': '\0' }]],
      ['lone surrogates', ['\ud800', { x: ['\udc00x'] }]],
      ['what looks like a wrapped value', [{ $aiEvals: 'json', data: 'AAAA' }, [{ $aiEvals: 'json' }]]],
      ['literals', [null, true, false, '', [], {}]],
      ['JSON in texts', ['{"a":1}', '[1]', '"x"', 'null', 'true']],
    ])('keep %s', async (_, values) => {
      const store = await open();
      const { id } = await store.createRun(newRun({ metadata: { values } }));
      await store.insertResults(
        values.map((value, n) => newResult(id, n, { input: value, expected: value, actual: value })),
      );
      const rows = await gathered(store.results(id));
      const plain = JSON.parse(JSON.stringify(values)) as unknown[];
      for (const column of ['input', 'expected', 'actual'] as const)
        expect(rows.map((row) => row[column])).toEqual(plain);
      expect((await store.getRun(id))!.metadata).toEqual({ values: plain });
    });

    test('keep a value of 10 MB', async () => {
      const store = await open();
      const { id } = await store.createRun(newRun());
      const input = { text: 'é'.repeat(5_000_000) };
      await store.insertResults([newResult(id, 0, { input })]);
      const [row] = await gathered(store.results(id));
      expect((row!.input as typeof input).text === input.text).toBe(true);
    });
  });

  describe('texts', () => {
    test('have U+FFFD for U+0000 and lone surrogates', async () => {
      const store = await open();
      const { id } = await store.createRun(newRun());
      await store.insertResults([newResult(id, 0, { explanation: 'a\0b\ud800c', category: 'é\0' })]);
      const [row] = await gathered(store.results(id));
      expect(row).toMatchObject({ explanation: 'a\ufffdb\ufffdc', category: 'é\ufffd' });
    });

    test('are parameters, not SQL', async () => {
      const store = await open();
      const evil = `'; DROP TABLE "EvalResult"; --`;
      const { id } = await store.createRun(newRun({ id: evil, datasetId: evil }));
      await store.insertResults([newResult(id, 0, { testCaseId: evil, category: evil, explanation: evil })]);
      expect((await store.listResults(evil, { testCaseId: evil, category: evil })).items).toHaveLength(1);
      expect((await store.listRuns({ datasetId: evil })).items).toHaveLength(1);
      expect(await store.have(evil, [{ testCaseId: evil }])).toEqual(Uint8Array.of(1));
    });
  });

  describe('have', () => {
    test('tells which keys have a result', async () => {
      const store = await open();
      const { id } = await store.createRun(newRun());
      await store.insertResults([...newResults(id, 3), newResult(id, 1, { repeat: 4 })]);
      const keys = [
        ...[{ testCaseId: 'case-0' }, { testCaseId: 'case-1', repeat: 4 }, { testCaseId: 'case-1', repeat: 3 }],
        ...[{ testCaseId: 'case-2', repeat: 0 }, { testCaseId: 'other' }],
      ];
      expect(await store.have(id, keys)).toEqual(Uint8Array.of(1, 1, 0, 1, 0));
      expect(await store.have('nobody', keys)).toEqual(new Uint8Array(5));
      expect(await store.have(id, [])).toEqual(new Uint8Array());
    });

    test('answers for more keys than a statement takes', async () => {
      const store = await open();
      const { id } = await store.createRun(newRun());
      await store.insertResults(newResults(id, 100, 34_900));
      const keys = Array.from({ length: 35_000 }, (_, n) => ({ testCaseId: `case-${n}` }));
      const found = await store.have(id, keys);
      expect(found.slice(0, 34_900).some((one) => one === 1)).toBe(false);
      expect(found.slice(34_900).every((one) => one === 1)).toBe(true);
    });
  });

  describe('finishRun', () => {
    test('computes the metrics of the results', async () => {
      const store = await open();
      const { id } = await store.createRun(newRun());
      await store.insertResults(newResults(id, 9));
      const run = await store.finishRun(id);
      expect(run).toMatchObject({ id, status: 'completed', endTime: expect.any(Date) });
      expect(run.durationMs).toBeGreaterThanOrEqual(0);
      const metrics = await store.metrics(id);
      expect(metrics).toMatchObject({ runId: id, totalTests: 9, passedTests: 6, failedTests: 3, totalTokens: 135 });
      expect(metrics!.passRate).toBeCloseTo(6 / 9);
      expect(metrics!.avgScore).toBeCloseTo(6 / 9);
      expect(metrics!.avgLatencyMs).toBeCloseTo(104);
      expect(metrics!.totalCost).toBeCloseTo(4.5);
    });

    test('changes nothing the second time', async () => {
      const store = await open();
      const { id } = await store.createRun(newRun());
      await store.insertResults(newResults(id, 3));
      const run = await store.finishRun(id);
      const metrics = await store.metrics(id);
      expect(await store.finishRun(id, { status: 'failed', error: 'late' })).toEqual(run);
      expect(await store.metrics(id)).toEqual(metrics);
    });

    test('keeps status and error', async () => {
      const store = await open();
      const { id } = await store.createRun(newRun());
      expect(await store.finishRun(id, { status: 'failed', error: 'quota' })).toMatchObject({
        status: 'failed',
        error: 'quota',
      });
    });

    test('counts the tokens beyond 2^31 exactly in the metadata of the run', async () => {
      const store = await open();
      const { id } = await store.createRun(newRun({ metadata: { mine: true } }));
      await store.insertResults([
        newResult(id, 0, { tokenUsage: { prompt: 3e9, completion: 1, total: 3_000_000_001 } }),
      ]);
      await store.finishRun(id);
      expect((await store.metrics(id))!.totalTokens).toBe(2 ** 31 - 1);
      expect((await store.getRun(id))!.metadata).toMatchObject({ mine: true, aiEvals: { totalTokens: 3_000_000_001 } });
    });

    test('rejects for a run that is not there', async () => {
      const store = await open();
      await expect(store.finishRun('nobody')).rejects.toMatchObject({ code: 'ERR_STORE_NOT_FOUND' });
    });
  });

  describe('saveRun', () => {
    test('stores run, results and metrics at once', async () => {
      const store = await open();
      const results = newResults('x', 3).map(({ runId: _, ...row }) => row);
      const run = await store.saveRun({ run: newRun({ id: 'saved' }), results });
      expect(run).toMatchObject({ id: 'saved', status: 'completed' });
      expect(await gathered(store.results('saved'))).toHaveLength(3);
      expect(await store.metrics('saved')).toMatchObject({ totalTests: 3, passedTests: 2 });
    });

    test('takes figures in place of computed ones', async () => {
      const store = await open();
      const metrics = { accuracy: 0.5, categoryBreakdown: { even: 1 } };
      const { id } = await store.saveRun({ run: newRun(), results: [], metrics });
      expect(await store.metrics(id)).toMatchObject({ accuracy: 0.5, categoryBreakdown: { even: 1 }, totalTests: 0 });
    });

    test('stores nothing when a row is refused', async () => {
      const store = await open();
      const results = [newResult('bad', 0), newResult('bad', 1, { testCaseId: '' })];
      await expect(store.saveRun({ run: newRun({ id: 'bad' }), results })).rejects.toMatchObject({
        row: 1,
        column: 'testCaseId',
      });
      expect(await store.getRun('bad')).toBeUndefined();
      await store.createRun(newRun({ id: 'bad' }));
    });

    test('refuses a row of another run', async () => {
      const store = await open();
      const saving = store.saveRun({ run: newRun({ id: 'one' }), results: [newResult('two', 0)] });
      await expect(saving).rejects.toThrow(/results\[0\]\.runId/);
    });
  });

  describe('resumeRun', () => {
    test('names every difference of the settings', async () => {
      const store = await open();
      const { id } = await store.createRun(newRun());
      const other = newRun({ datasetVersion: '4', modelConfig: { temperature: 1 } });
      const resuming = store.resumeRun(id, other);
      await expect(resuming).rejects.toMatchObject({ code: 'ERR_STORE_RUN_MISMATCH' });
      const { differences } = (await resuming.catch((error: unknown) => error)) as StoreError;
      expect(differences).toEqual(
        expect.arrayContaining([
          { path: 'datasetVersion', stored: '3', given: '4' },
          { path: 'modelConfig.temperature', stored: 0, given: 1 },
        ]),
      );
      expect(differences).toHaveLength(2);
      expect(await store.resumeRun(id, other, { force: true })).toMatchObject({ id });
    });

    test('takes the order of members for no difference', async () => {
      const store = await open();
      const { id } = await store.createRun(newRun({ modelConfig: { a: 1, b: [2] } }));
      expect(await store.resumeRun(id, newRun({ modelConfig: { b: [2], a: 1 } }))).toMatchObject({ id });
    });

    test('rejects for a run that is not there', async () => {
      const store = await open();
      await expect(store.resumeRun('nobody', newRun())).rejects.toMatchObject({ code: 'ERR_STORE_NOT_FOUND' });
    });
  });

  describe('compareRuns', () => {
    test('counts what is fixed and broken', async () => {
      const store = await open();
      const ids: string[] = [];
      for (const passes of ['1100111', '1011000']) {
        const results = [...passes].map((one, n) =>
          newResult('x', n + (ids.length === 0 ? 0 : 1), { passed: one === '1', score: Number(one) }),
        );
        const { id } = await store.saveRun({ run: newRun(), results: results.map(({ runId: _, ...row }) => row) });
        ids.push(id);
      }
      // Cases 1–6 are in both: A 1 0 0 1 1 1, B 1 0 1 1 0 0.
      const comparison = await store.compareRuns(ids[0]!, ids[1]!);
      expect(comparison).toMatchObject({ both: 6, onlyA: 1, onlyB: 1, fixed: 1, broken: 2 });
      expect(comparison.scoreDelta).toBeCloseTo(-1 / 6);
      expect(comparison.pValue).toBeCloseTo(1);
    });

    test('rejects for a run that is not there', async () => {
      const store = await open();
      const { id } = await store.createRun(newRun());
      await expect(store.compareRuns(id, 'nobody')).rejects.toMatchObject({ code: 'ERR_STORE_NOT_FOUND' });
    });
  });

  describe('listRuns', () => {
    test('gives the newest first, page by page', async () => {
      const store = await open();
      for (let n = 0; n < 5; n += 1) {
        await store.createRun(newRun({ id: `run-${n}`, startTime: new Date(1_700_000_000_000 + n) }));
      }
      const first = await store.listRuns({}, { limit: 2 });
      expect(first.items.map(({ id }) => id)).toEqual(['run-4', 'run-3']);
      await store.createRun(newRun({ id: 'newer' }));
      const second = await store.listRuns({}, { limit: 2, cursor: first.next! });
      expect(second.items.map(({ id }) => id)).toEqual(['run-2', 'run-1']);
      const third = await store.listRuns({}, { limit: 2, cursor: second.next! });
      expect(third).toMatchObject({ items: [{ id: 'run-0' }], next: undefined });
    });

    test('filters', async () => {
      const store = await open();
      const at = (n: number) => new Date(1_700_000_000_000 + n);
      await store.createRun(newRun({ id: 'a', startTime: at(1), runnerType: 'ci' }));
      await store.createRun(newRun({ id: 'b', startTime: at(2), modelId: 'other', status: 'failed' }));
      await store.createRun(newRun({ id: 'c', startTime: at(3), datasetId: 'other' }));
      const ids = async (filter: Parameters<EvalStore['listRuns']>[0]) =>
        (await store.listRuns(filter)).items.map(({ id }) => id).join('');
      expect(await ids({ datasetId: 'triage' })).toBe('ba');
      expect(await ids({ modelId: 'other' })).toBe('b');
      expect(await ids({ runnerType: 'ci' })).toBe('a');
      expect(await ids({ status: 'failed' })).toBe('b');
      expect(await ids({ since: at(2) })).toBe('cb');
      expect(await ids({ since: at(2), until: at(2) })).toBe('b');
    });
  });

  describe('listResults', () => {
    test.each(['dataset', 'createdAt', 'score', '-score'] as const)(
      'gives every row once in the order %s, whatever is inserted meanwhile',
      async (order) => {
        const store = await open();
        const { id } = await store.createRun(newRun());
        const rows = newResults(id, 60).map((row, n) => ({
          ...row,
          score: [0.5, 1, 0][n % 3]!,
          createdAt: new Date(1_700_000_000_000 + (n % 7)),
        }));
        await store.insertResults(rows.filter((_, n) => n % 2 === 0));
        const seen: string[] = [];
        let cursor: string | undefined;
        for (let page = 0; page === 0 || cursor !== undefined; page += 1) {
          const { items, next } = await store.listResults(
            id,
            { order },
            cursor === undefined ? { limit: 7 } : { limit: 7, cursor },
          );
          seen.push(...items.map(({ testCaseId }) => testCaseId));
          if (page === 1) await store.insertResults(rows);
          cursor = next;
        }
        expect(new Set(seen).size).toBe(seen.length);
        for (let n = 0; n < 60; n += 2) expect(seen).toContain(`case-${n}`);
        const all = await gathered(store.results(id, { order }));
        const keys = all.map(({ index, score, createdAt }) =>
          order === 'dataset'
            ? index!
            : order === 'createdAt'
              ? createdAt.getTime()
              : order === 'score'
                ? score
                : -score,
        );
        expect(keys).toEqual(keys.toSorted((a, b) => a - b));
        expect(all).toHaveLength(60);
      },
    );

    test('filters', async () => {
      const store = await open();
      const { id } = await store.createRun(newRun());
      await store.insertResults(newResults(id, 12).map((row, n) => ({ ...row, score: n / 10 })));
      const indices = async (filter: Parameters<EvalStore['listResults']>[1]) =>
        (await store.listResults(id, filter)).items.map(({ index }) => index);
      expect(await indices({ passed: false })).toEqual([0, 3, 6, 9]);
      expect(await indices({ minScore: 0.9, maxScore: 1 })).toEqual([9, 10]);
      expect(await indices({ testCaseId: 'case-5' })).toEqual([5]);
      expect(await indices({ category: 'odd', passed: true })).toEqual([1, 5, 7, 11]);
    });

    test('has no next page behind the last row', async () => {
      const store = await open();
      const { id } = await store.createRun(newRun());
      await store.insertResults(newResults(id, 4));
      expect((await store.listResults(id, {}, { limit: 10 })).next).toBeUndefined();
      expect(await store.listResults(id, { category: 'none' })).toEqual({ items: [], next: undefined });
    });

    test('gives a page of more rows than a call of the engine', async () => {
      const store = await open();
      const { id } = await store.createRun(newRun());
      await store.insertResults(newResults(id, 2600));
      const { items, next } = await store.listResults(id, {}, { limit: 2500 });
      expect(items.map(({ index }) => index)).toEqual(Array.from({ length: 2500 }, (_, n) => n));
      expect((await store.listResults(id, {}, { cursor: next! })).items).toHaveLength(100);
    });

    test('refuses the cursor of another query', async () => {
      const store = await open();
      const { id } = await store.createRun(newRun());
      await store.insertResults(newResults(id, 4));
      const { next } = await store.listResults(id, {}, { limit: 2 });
      const others = [
        () => store.listResults(id, { order: 'score' }, { cursor: next! }),
        () => store.listResults(id, { passed: true }, { cursor: next! }),
        () => store.listResults('other', {}, { cursor: next! }),
        () => store.listRuns({}, { cursor: next! }),
        () => store.listResults(id, {}, { cursor: 'nonsense' }),
        () => store.listResults(id, {}, { cursor: `${next!}x` }),
      ];
      for (const list of others) await expect(list()).rejects.toBeInstanceOf(ArgumentRangeError);
    });
  });

  describe('results', () => {
    test('gives batches of the size that is asked for', async () => {
      const store = await open();
      const { id } = await store.createRun(newRun());
      await store.insertResults(newResults(id, 25));
      const sizes = (await gathered(store.results(id).batches(10))).map((batch) => batch.length);
      expect(sizes).toEqual([10, 10, 5]);
    });

    test('can be left early', async () => {
      const store = await open();
      const { id } = await store.createRun(newRun());
      await store.insertResults(newResults(id, 25));
      for await (const row of store.results(id)) {
        expect(row.index).toBe(0);
        break;
      }
      expect(await store.deleteRun(id)).toBe(true);
    });
  });

  describe('writer', () => {
    test('resolves a write once a second client sees the row', async () => {
      const url = await backend.create();
      const store = await opened(url);
      const { id } = await store.createRun(newRun());
      const writer = store.writer(id, { flushMs: 1 });
      const query = client(url);
      for (let n = 0; n < 3; n += 1) {
        const { runId: _, ...row } = newResult(id, n);
        await writer.write(row);
        expect(await query('SELECT * FROM "EvalResult"')).toHaveLength(n + 1);
      }
      await writer.close();
    });

    test('leaves a row alone that is there', async () => {
      const store = await open();
      const { id } = await store.createRun(newRun());
      const writer = store.writer(id);
      await Promise.all([0, 1, 0, 1].map((n) => writer.write(newResult(id, n, { explanation: `${n}` }))));
      await writer.close();
      expect(await gathered(store.results(id))).toHaveLength(2);
    });
  });

  describe('setBaseline', () => {
    test('replaces the baseline of the same name', async () => {
      const store = await open();
      const runs = [await store.createRun(newRun()), await store.createRun(newRun({ modelId: 'other' }))];
      const set = await store.setBaseline({
        name: 'main',
        runId: runs[0]!.id,
        tags: ['a', "b'"],
        metadata: { by: 'ci' },
      });
      expect(set).toMatchObject({
        ...{ name: 'main', description: '', runId: runs[0]!.id, datasetId: 'triage', modelId: 'openai/gpt-4' },
        ...{ isActive: true, tags: ['a', "b'"], metadata: { by: 'ci' }, createdAt: expect.any(Date) },
      });
      await store.setBaseline({ name: 'main', runId: runs[1]!.id, description: 'new' });
      const baselines = await store.listBaselines();
      expect(baselines).toMatchObject([
        { name: 'main', runId: runs[1]!.id, modelId: 'other', description: 'new', tags: [] },
      ]);
    });

    test('rejects for a run that is not there', async () => {
      const store = await open();
      await expect(store.setBaseline({ name: 'x', runId: 'nobody' })).rejects.toMatchObject({
        code: 'ERR_STORE_NOT_FOUND',
      });
    });
  });

  describe('saveMonitorBaseline', () => {
    const timed = (id: string) => {
      const monitor = new PerformanceMonitor();
      monitor.measureSync('scoring', () => 1);
      monitor.setBaseline(id);
      return monitor;
    };

    test('keeps a baseline of the monitor for the next process', async () => {
      const store = await open();
      await timed('a \ud800').saveBaseline(store);
      await timed('b').saveBaseline(store, 'b');
      const next = new PerformanceMonitor();
      const loaded = await next.loadBaseline(store, 'a \ud800');
      expect(loaded).toMatchObject({ id: 'a \ud800' });
      expect(loaded.components.get('scoring')!.totalCalls).toBe(1);
      expect(next.listBaselines()).toEqual(['a \ud800']);
    });

    test('replaces the one of the same id, and gives the last one without an id', async () => {
      const store = await open();
      const monitor = timed('only');
      await monitor.saveBaseline(store);
      monitor.measureSync('scoring', () => 1);
      monitor.setBaseline('only');
      await monitor.saveBaseline(store);
      const loaded = await new PerformanceMonitor().loadBaseline(store);
      expect(loaded.components.get('scoring')!.totalCalls).toBe(2);
    });

    test('refuses an id that is not there, and a place that is neither a path nor a store', async () => {
      const store = await open();
      const monitor = new PerformanceMonitor();
      await expect(monitor.loadBaseline(store, 'none')).rejects.toThrow('Baseline not found: none');
      await expect(monitor.loadBaseline(store)).rejects.toThrow('Baseline not found');
      await expect(monitor.saveBaseline({} as never)).rejects.toThrow(TypeError);
    });
  });

  describe('activeBaseline', () => {
    test('finds the active one of a dataset and model', async () => {
      const store = await open();
      const { id: runId } = await store.createRun(newRun());
      await store.setBaseline({ name: 'old', runId, isActive: false });
      expect(await store.activeBaseline({ datasetId: 'triage' })).toBeUndefined();
      await store.setBaseline({ name: 'one', runId });
      await store.setBaseline({ name: 'two', runId, modelId: 'other' });
      expect(await store.activeBaseline({ datasetId: 'triage', modelId: 'openai/gpt-4' })).toMatchObject({
        name: 'one',
      });
      expect(await store.activeBaseline({ datasetId: 'triage', modelId: 'other' })).toMatchObject({ name: 'two' });
      expect(await store.activeBaseline({ datasetId: 'other' })).toBeUndefined();
    });
  });

  describe('export', () => {
    test('writes JSON lines in the order of the dataset', async () => {
      const store = await open();
      const { id } = await store.createRun(newRun());
      await store.insertResults(newResults(id, 30).reverse());
      const folder = directory();
      expect(await store.export(id, join(folder, 'out.jsonl'))).toBe(30);
      const lines = readFileSync(join(folder, 'out.jsonl'), 'utf8').trimEnd().split('\n');
      expect(lines.map((line) => (JSON.parse(line) as { index: number }).index)).toEqual([...Array(30).keys()]);
      expect(readdirSync(folder)).toEqual(['out.jsonl']);
    });

    test('rejects for a run that is not there, and leaves no file', async () => {
      const store = await open();
      const folder = directory();
      const exporting = store.export('nobody', join(folder, 'out.csv'));
      await expect(exporting).rejects.toMatchObject({ code: 'ERR_STORE_NOT_FOUND' });
      expect(readdirSync(folder)).toEqual([]);
    });
  });

  describe('close', () => {
    test('waits for what is under way, then refuses', async () => {
      const url = await backend.create();
      const store = await EvalStore.open(url);
      const { id } = await store.createRun(newRun());
      const writer = store.writer(id, { flushMs: 600_000 });
      const writing = writer.write(newResult(id, 0));
      const inserting = store.insertResults(newResults(id, 2000, 10), { batchSize: 100 });
      await store.close();
      await writing;
      expect(await inserting).toEqual({ inserted: 2000, skipped: 0 });
      await store.close();
      const late = [
        () => store.getRun(id),
        () => store.insertResults([]),
        () => writer.write(newResult(id, 1)),
        () => store.listRuns(),
      ];
      for (const call of late) await expect(call()).rejects.toMatchObject({ name: 'StoreError', code: 'ERR_CLOSED' });
      const again = await opened(url);
      expect(await gathered(again.results(id))).toHaveLength(2001);
    });
  });

  describe('poolStats', () => {
    test('counts connections', async () => {
      const { max, size, idle, waiting } = (await open()).poolStats();
      expect(max).toBeGreaterThanOrEqual(1);
      expect(size).toBeGreaterThanOrEqual(idle);
      expect(waiting).toBe(0);
    });
  });

  describe('arguments', () => {
    const cases: [column: string, value: unknown, kind: typeof ArgumentRangeError | typeof ArgumentTypeError][] = [
      ...['', 'x'.repeat(1025), 'a\0', '\ud800'].map(
        (id) => ['testCaseId', id, ArgumentRangeError] as [string, unknown, never],
      ),
      ['testCaseId', 5, ArgumentTypeError],
      ['score', Number.POSITIVE_INFINITY, ArgumentRangeError],
      ['score', '1', ArgumentTypeError],
      ['cost', Number.NaN, ArgumentRangeError],
      ['confidence', Number.NEGATIVE_INFINITY, ArgumentRangeError],
      ['latencyMs', -1, ArgumentRangeError],
      ['latencyMs', 2 ** 31, ArgumentRangeError],
      ['repeat', 1.5, ArgumentRangeError],
      ['index', -1, ArgumentRangeError],
      ['passed', 1, ArgumentTypeError],
      ['createdAt', new Date(Number.NaN), ArgumentRangeError],
      ['createdAt', '2026-01-01', ArgumentTypeError],
      ['explanation', {}, ArgumentTypeError],
      ['input', undefined, ArgumentTypeError],
      ['expected', 1n, ArgumentTypeError],
    ];
    test.each(cases)('refuse %s = %o', async (column, value, kind) => {
      const store = await open();
      const { id } = await store.createRun(newRun());
      const inserting = store.insertResults([newResult(id, 0), newResult(id, 1, { [column]: value })]);
      await expect(inserting).rejects.toBeInstanceOf(kind);
      await expect(inserting).rejects.toMatchObject({ row: 1, column, written: 0 });
      expect(await gathered(store.results(id))).toEqual([]);
    });

    test('accept ids of 1,024 units and the largest numbers', async () => {
      const store = await open();
      const id = '𝄞'.repeat(512);
      await store.createRun(newRun({ id }));
      const row = newResult(id, 2 ** 31 - 1, {
        testCaseId: id,
        repeat: 2 ** 31 - 1,
        latencyMs: 2 ** 31 - 1,
        score: -1e308,
      });
      await store.insertResults([row]);
      expect(await gathered(store.results(id))).toMatchObject([row]);
    });
  });
});
