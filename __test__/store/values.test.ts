import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ArgumentRangeError, ArgumentTypeError, EvalStore } from '@aah/ai-evals/store';
import { describe, expect, it } from 'vitest';
import { directory, gathered, newResult, newResults, newRun, opened, sqlite } from './backends.js';

const open = async () => opened(await sqlite.create());
const cycle: Record<string, unknown> = { deep: {} };
(cycle.deep as Record<string, unknown>).again = cycle;

describe('values without a JSON text', () => {
  it.each([
    ['a bigint', { list: [0, { n: 1n }] }, 'rows[1].input.list[1].n is a bigint'],
    ['a function', { 'odd name': { call: () => 1 } }, 'rows[1].input["odd name"].call is a function'],
    ['a function in an array', [[], [() => 1]], 'rows[1].input[1][0] is a function'],
    ['a cycle', cycle, 'rows[1].input.deep.again holds itself'],
    ['undefined', undefined, 'rows[1].input is undefined'],
  ])('are refused with row and path: %s', async (_, input, message) => {
    const store = await open();
    const { id } = await store.createRun(newRun());
    const inserting = store.insertResults([newResult(id, 0), newResult(id, 1, { input })]);
    await expect(inserting).rejects.toBeInstanceOf(ArgumentTypeError);
    await expect(inserting).rejects.toMatchObject({ row: 1, column: 'input', written: 0 });
    await expect(inserting).rejects.toThrow(message);
  });

  it('are refused in a run too', async () => {
    const store = await open();
    await expect(store.createRun(newRun({ modelConfig: { limit: 1n } }))).rejects.toThrow(
      'run.modelConfig.limit is a bigint',
    );
  });

  it('are refused when nested too deep', async () => {
    const store = await open();
    const { id } = await store.createRun(newRun());
    let input: unknown = 0;
    for (let n = 0; n < 100_000; n += 1) input = [input];
    await expect(store.insertResults([newResult(id, 0, { input })])).rejects.toThrow(
      /rows\[0\]\.input is nested too deep/,
    );
  });

  it('leave out what JSON.stringify leaves out', async () => {
    const store = await open();
    const { id } = await store.createRun(newRun());
    const input = { a: undefined, b: Symbol('x'), c: Number.NaN, d: new Date(0), e: [undefined] };
    await store.insertResults([newResult(id, 0, { input })]);
    expect((await gathered(store.results(id)))[0]!.input).toEqual(JSON.parse(JSON.stringify(input)));
  });
});

describe('maxRowBytes', () => {
  it('refuses a larger row and names its largest column', async () => {
    const store = await opened(await sqlite.create(), { maxRowBytes: 1000 });
    const { id } = await store.createRun(newRun());
    const inserting = store.insertResults([newResult(id, 0), newResult(id, 1, { actual: 'é'.repeat(600) })]);
    await expect(inserting).rejects.toBeInstanceOf(ArgumentRangeError);
    await expect(inserting).rejects.toMatchObject({ row: 1, column: 'actual' });
  });
});

describe('export', () => {
  it('lets no formula through in CSV', async () => {
    const store = await open();
    const { id } = await store.createRun(newRun());
    const formulas = ['=1+1', '+1', '-1', '@x', '\tx', '\r=x'];
    const rows = formulas.map((text, n) =>
      newResult(id, n, { actual: text, explanation: text, category: text, score: -n }),
    );
    await store.insertResults(rows);
    const file = join(directory(), 'out.csv');
    expect(await store.export(id, file)).toBe(6);
    const cells = readFileSync(file, 'utf8').match(/(?:^|,|\n)("(?:[^"]|"")*"|[^,\r\n]*)/g)!;
    expect(cells.some((cell) => /^[,\n]?"?[=+@\t\r]/.test(cell))).toBe(false);
    const text = readFileSync(file, 'utf8');
    for (const formula of formulas.slice(0, 4)) expect(text).toContain(`'${formula}`);
    // A number stays one.
    expect(text).toMatch(/,-5,/);
  });

  it('leaves the file that was there when it fails', async () => {
    const store = await open();
    const { id } = await store.createRun(newRun());
    await store.insertResults(newResults(id, 3));
    const file = join(directory(), 'out.jsonl');
    writeFileSync(file, 'before');
    const refused = expect(store.export(id, file)).rejects.toMatchObject({ code: 'ERR_CLOSED' });
    await store.close();
    await refused;
    expect(readFileSync(file, 'utf8')).toBe('before');
    expect(readdirSync(join(file, '..'))).toEqual(['out.jsonl']);
  });

  it('takes the format from the name, or as it is asked for', async () => {
    const store = await open();
    const { id } = await store.createRun(newRun());
    await store.insertResults(newResults(id, 1));
    const folder = directory();
    await store.export(id, join(folder, 'a.txt'), { format: 'csv' });
    expect(readFileSync(join(folder, 'a.txt'), 'utf8')).toMatch(/^id,runId,testCaseId,/);
    await expect(store.export(id, join(folder, 'b'), { format: 'xml' as never })).rejects.toBeInstanceOf(RangeError);
    expect(existsSync(join(folder, 'b'))).toBe(false);
  });
});

describe('cached', () => {
  it('reads once for callers at the same time, and later', async () => {
    const store = await open();
    let reads = 0;
    const read = () => store.cached('runs', { model: 'm' }, async () => (reads += 1));
    expect(await Promise.all([read(), read()])).toEqual([1, 1]);
    expect(await read()).toBe(1);
    expect(await store.cached('runs', { model: 'other' }, async () => 'another')).toBe('another');
  });

  it('is dropped by every write', async () => {
    const store = await open();
    const { id } = await store.createRun(newRun());
    const writes: (() => Promise<unknown>)[] = [
      () => store.createRun(newRun()),
      () => store.insertResults(newResults(id, 1)),
      () => store.insertResults(newResults(id, 2), { atomic: true }),
      () => store.saveRun({ run: newRun(), results: [] }),
      () => store.setBaseline({ name: 'b', runId: id }),
      () => store.writer(id, { flushMs: 0 }).write(newResult(id, 5)),
      () => store.finishRun(id),
      () => store.resumeRun(id, newRun()),
      () => store.deleteRun(id),
    ];
    let reads = 0;
    const read = () => store.cached('count', null, async () => (reads += 1));
    for (const [n, write] of writes.entries()) {
      expect(await read()).toBe(n + 1);
      await write();
    }
    expect(await read()).toBe(writes.length + 1);
  });

  it('does not keep what was read before a write ended', async () => {
    const store = await open();
    let answer = (_: string): void => {};
    const slow = store.cached('q', null, () => new Promise<string>((resolve) => (answer = resolve)));
    await store.createRun(newRun());
    answer('old');
    expect(await slow).toBe('old');
    expect(await store.cached('q', null, async () => 'new')).toBe('new');
  });
});

describe('schemaSql', () => {
  it.each(['sqlite', 'postgres'] as const)('gives the DDL of %s', (backend) => {
    for (const table of ['EvalRun', 'EvalResult', 'EvalMetrics', 'EvalBaseline']) {
      expect(EvalStore.schemaSql(backend)).toMatch(new RegExp(`CREATE TABLE[^;]*"${table}"`));
    }
    expect(EvalStore.schemaSql(backend)).toContain('EvalResult_runId_score_idx');
  });

  it('refuses another backend', () => {
    expect(() => EvalStore.schemaSql('mysql' as never)).toThrow(ArgumentRangeError);
  });
});
