import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatasetError } from '@aah/ai-evals';
import { DatasetManager, loadDataset } from '@aah/ai-evals/datasets';
import { describe, expect, onTestFinished, test } from 'vitest';

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'ai-evals-manager-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

const one = { id: 'a', input: 1, expected: 2, metadata: { category: 'c' } };

/** Adds `count` cases to the dataset `d` in a process of its own. */
function adding(directory: string, prefix: string, count: number): Promise<string> {
  const code = `
    import { DatasetManager } from '@aah/ai-evals/datasets';
    const manager = new DatasetManager(process.argv[1]);
    for (let i = 0; i < ${count}; i += 1) await manager.addTestCase('d', { id: '${prefix}' + i, input: i, expected: i });
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code, directory], {
    cwd: join(__dirname, '../..'),
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let told = '';
  child.stderr.on('data', (text) => {
    told += text;
  });
  return new Promise((resolve) => child.on('close', (code) => resolve(`${code}${told}`)));
}

describe('createDataset', () => {
  test('makes a file of the original form, which loadDataset loads', async () => {
    const directory = join(folder(), 'new');
    const manager = new DatasetManager(directory);
    const made = await manager.createDataset({
      id: 'sums',
      name: 'Sums',
      description: 'd',
      version: '1',
      testCases: [one],
    });
    expect(made).toMatchObject({ id: 'sums', name: 'Sums', description: 'd', version: '1', testCases: [one] });
    expect(await loadDataset('sums', { directory })).toEqual(made);
    expect(JSON.parse(readFileSync(join(directory, 'sums.json'), 'utf8'))).toMatchObject({
      id: 'sums',
      testCases: [one],
    });
    expect(readdirSync(directory)).toEqual(['sums.json']);
  });

  test('refuses an id that is there, in whatever format', async () => {
    const directory = folder();
    const manager = new DatasetManager(directory);
    writeFileSync(join(directory, 'x.csv'), 'input,expected\n1,2\n');
    for (const id of ['x', 'y', 'y'])
      await manager.createDataset({ id }).catch((error) => expect(error).toBeInstanceOf(DatasetError));
    expect(readdirSync(directory).sort()).toEqual(['x.csv', 'y.json']);
    await expect(manager.createDataset({ id: 'y' })).rejects.toThrow(/there is a dataset of this id already/);
  });

  test('refuses a case that is not right, and leaves nothing behind', async () => {
    const directory = folder();
    const manager = new DatasetManager(directory);
    await expect(manager.createDataset({ id: 'x', testCases: [one, { input: 1 }] })).rejects.toThrow(
      /testCases\[1\]\.expected is missing/,
    );
    expect(readdirSync(directory)).toEqual([]);
  });
});

test.each([
  '../x',
  'a/b',
  'a\\b',
  '..',
  '.',
  '',
  '.hidden',
  'x\0',
  'x.',
  ' x',
  'con',
  'a:b',
  'x.json',
  'a'.repeat(101),
])('no id leaves the folder: %j', async (id) => {
  const manager = new DatasetManager(folder());
  for (const call of [
    () => manager.createDataset({ id }),
    () => manager.loadDataset(id),
    () => manager.addTestCase(id, one),
    () => manager.exportDataset(id),
    () => manager.validateDataset(id),
  ]) {
    await expect(call()).rejects.toThrow(/id must be letters, digits/);
  }
});

describe('addTestCase', () => {
  test('adds a case, keeps the rest as it was, and changes the digest that is the version', async () => {
    const directory = folder();
    const manager = new DatasetManager(directory);
    const given = {
      id: 'd',
      owner: 'me',
      testCases: [{ id: 'a', input: 12345678901234567890n, expectedBehavior: 'refuse' }],
    };
    writeFileSync(
      join(directory, 'd.json'),
      '{"id":"d","owner":"me","testCases":[{"id":"a","input":12345678901234567890,"expectedBehavior":"refuse"}]}',
    );
    const before = await manager.loadDataset('d');
    const after = await manager.addTestCase('d', { id: 'b', input: 1, expected: 1 });
    expect(after.testCases).toEqual([...before.testCases, { id: 'b', input: 1, expected: 1, metadata: {} }]);
    expect([after.metadata, before.testCases[0]!.input]).toEqual([{ owner: 'me' }, given.testCases[0]!.input]);
    expect(after.version).not.toBe(before.version);
    expect(readFileSync(join(directory, 'd.json'), 'utf8')).toContain('"expectedBehavior":"refuse"');
    await expect(manager.addTestCase('d', { id: 'b', input: 1, expected: 1 })).rejects.toThrow(
      /"b" is the id of case 2/,
    );
    await expect(manager.addTestCase('none', one)).rejects.toThrow(/there are: d/);
  });

  test('loses nothing when processes add at the same time, while others read', async () => {
    const directory = folder();
    const manager = new DatasetManager(directory);
    await manager.createDataset({ id: 'd' });
    let isOver = false;
    const reading = (async () => {
      while (!isOver) {
        await manager.loadDataset('d');
        await new Promise(setImmediate);
      }
    })();
    const here = Promise.all(
      Array.from({ length: 20 }, (_, i) => manager.addTestCase('d', { id: `h${i}`, input: i, expected: i })),
    );
    const codes = await Promise.all([adding(directory, 'x', 20), adding(directory, 'y', 20), here.then(() => '0')]);
    isOver = true;
    await reading;
    expect(codes).toEqual(['0', '0', '0']);
    const ids = (await manager.loadDataset('d')).testCases.map(({ id }) => id).sort();
    const all = ['h', 'x', 'y'].flatMap((prefix) => Array.from({ length: 20 }, (_, i) => `${prefix}${i}`));
    expect(ids).toEqual(all.sort());
    expect(readdirSync(directory)).toEqual(['d.json']);
  });

  test('takes the lock of a process that was killed away, once, whoever waits for it', async () => {
    const directory = folder();
    const manager = new DatasetManager(directory);
    await manager.createDataset({ id: 'd' });
    const child = spawn(process.execPath, ['-e', '0']);
    await new Promise((resolve) => child.on('close', resolve));
    const lock = join(directory, 'd.json.lock');
    writeFileSync(lock, JSON.stringify({ token: 'dead', process: child.pid, host: hostname() }));
    await Promise.all(
      Array.from({ length: 10 }, (_, i) => manager.addTestCase('d', { id: `${i}`, input: i, expected: i })),
    );
    expect((await manager.loadDataset('d')).testCases).toHaveLength(10);
    expect(existsSync(lock)).toBe(false);
  });
});

describe('validateDataset', () => {
  test('lists every problem with line and member, and oddities apart', async () => {
    const directory = folder();
    const manager = new DatasetManager(directory);
    writeFileSync(
      join(directory, 'bad.json'),
      '{"testCases": [\n{"id":"a","input":1},\n{"id":"b","input":1,"expected":1,"metadata":7}\n]}',
    );
    expect(await manager.validateDataset('bad')).toMatchObject({
      valid: false,
      errors: [
        { path: 'testCases[0].expected', line: 2 },
        { path: 'testCases[1].metadata', line: 3, message: 'must be an object' },
      ],
    });
    writeFileSync(join(directory, 'broken.json'), '{"testCases": [');
    expect((await manager.validateDataset('broken')).valid).toBe(false);
    const good = { id: 'm', name: 'm', description: '', version: '1', testCases: [one] };
    expect(await manager.validateDataset(good)).toEqual({ valid: true, errors: [], warnings: [] });
    expect((await manager.validateDataset({ ...good, testCases: [] })).warnings).toHaveLength(1);
  });
});

describe('exportDataset', () => {
  test('gives text that loads as the same cases, in every format', async () => {
    const directory = folder();
    const manager = new DatasetManager(directory);
    const testCases = [
      { id: 'a', input: 'x, "y"\n', expected: '=1+1', metadata: { category: 'c', tags: ['t', 'u'] } },
      { id: 'b', input: 'é', expected: '', metadata: { category: 'd', tags: ['v'] } },
    ];
    await manager.createDataset({ id: 'd', version: '7', testCases });
    const before = await manager.loadDataset('d');
    for (const format of ['json', 'jsonl', 'csv'] as const) {
      const path = join(directory, `out.${format}`);
      expect(await manager.exportDataset('d', { format, path })).toBe(readFileSync(path, 'utf8'));
      const after = await loadDataset(path);
      expect(after.testCases, format).toEqual(before.testCases);
      if (format === 'json') expect(after).toEqual(before);
    }
    await expect(manager.exportDataset('d', { format: 'tsv' })).rejects.toThrow(/tab or a line end/);
    await expect(manager.exportDataset('d', { format: 'xml' as never })).rejects.toThrow(/format must be/);
    expect(await manager.exportDataset('d', { format: 'csv', escapeFormulas: true })).toContain("'=1+1");
  });
});

describe('listDatasets', () => {
  test('lists every file, and says which cannot be loaded', async () => {
    const directory = folder();
    const manager = new DatasetManager(directory);
    expect(await new DatasetManager(join(directory, 'none')).listDatasets()).toEqual([]);
    await manager.createDataset({ id: 'good', name: 'Good', version: '1', testCases: [one] });
    writeFileSync(join(directory, 'bad.jsonl'), '{"input":');
    writeFileSync(join(directory, 'notes.txt'), 'x');
    expect(await manager.listDatasets()).toEqual([
      expect.objectContaining({ id: 'bad', testCases: 0, error: expect.stringContaining('bad.jsonl:1') }),
      { id: 'good', name: 'Good', description: '', version: '1', testCases: 1, path: join(directory, 'good.json') },
    ]);
  });
});
