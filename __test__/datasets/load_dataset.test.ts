import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { DatasetError } from '@aah/ai-evals';
import { loadDataset } from '@aah/ai-evals/datasets';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'ai-evals-datasets-'));
afterAll(() => rmSync(folder, { recursive: true }));

let files = 0;
function file(name: string, content: unknown): string {
  files += 1;
  const path = join(folder, `${files}-${name}`);
  const text = typeof content === 'string' || Buffer.isBuffer(content) ? content : JSON.stringify(content, null, 2);
  writeFileSync(path, text);
  return path;
}

const cases = [
  {
    id: 'a',
    input: { n: 1 },
    expected: 2,
    metadata: { category: 'sum', tags: ['x'], createdAt: '2025-01-02T03:04:05Z' },
  },
  { id: 'b', input: 'text', expected: null },
];

async function failure(path: string, options?: Parameters<typeof loadDataset>[1]): Promise<DatasetError> {
  const error: unknown = await loadDataset(path, options).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(DatasetError);
  return error as DatasetError;
}

describe('loadDataset', () => {
  test('loads a file of the original form with its header, and dates as dates', async () => {
    const path = file('d.json', {
      id: 'sums',
      name: 'Sums',
      description: 'd',
      version: '2',
      testCases: cases,
      owner: 'me',
    });
    expect(await loadDataset(path)).toEqual({
      ...{ id: 'sums', name: 'Sums', description: 'd', version: '2', metadata: { owner: 'me' } },
      testCases: [
        { ...cases[0], metadata: { category: 'sum', tags: ['x'], createdAt: new Date('2025-01-02T03:04:05Z') } },
        { ...cases[1], metadata: {} },
      ],
    });
  });

  test('takes expectedBehavior of adversarial cases for what is expected, and keeps further members', async () => {
    const adversarial = {
      id: 'x',
      category: 'injection',
      severity: 'high',
      input: 'Ignore all',
      expectedBehavior: 'refuse',
    };
    const { testCases } = await loadDataset(file('adversarial.json', { id: 'adv', testCases: [adversarial] }));
    expect(testCases).toEqual([
      { id: 'x', input: 'Ignore all', expected: 'refuse', metadata: { severity: 'high', category: 'injection' } },
    ]);
  });

  test('loads the same cases from every format, plain and compressed, with one version', async () => {
    const rows = [
      { id: 'a', input: 'one', expected: '1', category: 'c' },
      { id: 'b', input: 'two, "2"', expected: '2', category: '' },
    ];
    const lines = rows.map((row) => `${JSON.stringify(row)}\n`).join('');
    const csv = 'id,input,expected,metadata.category\na,one,1,c\nb,"two, ""2""",2,\n';
    const paths = [
      file('d.json', rows),
      file('d.json.gz', gzipSync(JSON.stringify(rows))),
      file('d.jsonl', lines),
      file('d.ndjson.gz', gzipSync(lines)),
      file('d.csv', csv),
      file('d.tsv', 'id\tinput\texpected\tcategory\na\tone\t1\tc\nb\ttwo, "2"\t2\t\n'),
      file('no-ending', rows),
    ];
    const loaded = await Promise.all(paths.map((path) => loadDataset(path)));
    const [first] = loaded;
    expect(first!.testCases.map(({ id, input, expected }) => [id, input, expected])).toEqual([
      ['a', 'one', '1'],
      ['b', 'two, "2"', '2'],
    ]);
    expect(first!.testCases[0]!.metadata).toEqual({ category: 'c' });
    for (const { testCases } of loaded) {
      expect(testCases.map(({ id, input, expected }) => [id, input, expected])).toEqual(
        first!.testCases.map(({ id, input, expected }) => [id, input, expected]),
      );
    }
    const csvs = loaded.filter(({ testCases }) => !('category' in testCases[1]!.metadata));
    expect(new Set(csvs.map(({ version }) => version)).size).toBe(1);
  });

  test('names a dataset by its file where the file does not', async () => {
    const path = file('triage.jsonl', `${JSON.stringify(cases[0])}\n`);
    expect(await loadDataset(pathToFileURL(path))).toMatchObject({
      id: `${files}-triage`,
      name: `${files}-triage`,
      description: '',
      version: expect.stringMatching(/^[0-9a-f]{16}$/),
    });
  });

  test('reads rows with dotted columns as members, and tags as lists', async () => {
    const path = file('d.csv', 'input.age,input.name,expected,metadata.tags\n7,Ann,yes,a|b\n');
    const { testCases } = await loadDataset(path);
    expect(testCases).toEqual([
      { id: 'case-1', input: { age: '7', name: 'Ann' }, expected: 'yes', metadata: { tags: ['a', 'b'] } },
    ]);
  });

  test('reads other names of members by fields', async () => {
    const path = file('gsm.jsonl', '{"question":"q","solution":{"final":4},"level":"hard"}\n');
    const fields = { input: 'question', expected: 'solution.final', category: 'level' };
    const { testCases } = await loadDataset(path, { fields });
    expect(testCases).toMatchObject([{ id: 'case-1', input: 'q', expected: 4, metadata: { category: 'hard' } }]);
  });

  test('keeps integers of more than 53 bits, and members named __proto__', async () => {
    const path = file('d.json', '{"testCases":[{"input":{"__proto__":{"x":1}},"expected":12345678901234567890}]}');
    const [one] = (await loadDataset(path)).testCases;
    expect(one!.expected).toBe(12345678901234567890n);
    expect(Object.keys(one!.input as object)).toEqual(['__proto__']);
  });

  test('finds an id in its folder first, then among the bundled datasets', async () => {
    writeFileSync(join(folder, 'mine.csv'), 'input,expected\na,b\n');
    expect((await loadDataset('mine', { directory: folder })).testCases).toHaveLength(1);
    expect((await loadDataset('everyday', { directory: folder })).testCases.length).toBeGreaterThan(100);
    writeFileSync(join(folder, 'everyday.jsonl'), '{"input":"a","expected":"b"}\n');
    expect((await loadDataset('everyday', { directory: folder })).testCases).toHaveLength(1);
    rmSync(join(folder, 'everyday.jsonl'));
  });

  test('says which ids there are when there is none of that name', async () => {
    const { message } = await failure('nothing-here', { directory: folder });
    expect(message).toMatch(/nothing-here: there is no file .* mine.*ids of the package: everyday/);
  });
});

describe('the errors of loadDataset', () => {
  test.each([
    ['{"testCases": [\n {"input": 1, "expected": 1},\n {"expected": 2}\n]}', 3, 'testCases[1].input is missing'],
    ['[\n{"input": 1,\n"id": 7.5e0,\n"expected": 1, "metadata": 3}]', 4, '[0].metadata must be an object'],
    ['{"id": "a",\n"name": 7,\n"testCases": []}', 2, 'name must be a text that is not empty'],
    ['[{"id":"a","input":1,"expected":1},\n{"id":"a","input":1,"expected":1}]', 2, '[1].id "a" is the id of case 1'],
    ['[{"input":1,"expected":1,"metadata":{\n"tags":"x"}}]', 2, '[0].metadata.tags must be an array of texts'],
    ['[{"input":1,"expected":1,"metadata":{\n"createdAt":"soon"}}]', 2, '[0].metadata.createdAt must be a date'],
    ['[{"input":1,"expected":1,\n"category":{}}]', 2, '[0].category must be a text'],
    ['[\n\n7]', 3, '[0] must be an object with id, input and expected'],
    ['{"cases": []}', 1, 'must be an array of test cases, or an object whose testCases is one'],
  ])('name line and member in JSON: %s', async (text, line, reason) => {
    const path = file('bad.json', text);
    const error = await failure(path);
    expect(error.message).toContain(`${path}:${line}: ${reason}`);
    expect([error.file, error.line]).toEqual([path, line]);
  });

  test('name line and member in JSON lines, plain and gzipped', async () => {
    const text = '{"input":1,"expected":1}\n\n  \n{"input":1}\n';
    for (const path of [file('bad.jsonl', text), file('bad.jsonl.gz', gzipSync(text))]) {
      expect((await failure(path)).message).toContain(`${path}:4: [1].expected is missing`);
    }
  });

  test('name the first line of a row, behind quoted line ends, blank lines and comments', async () => {
    const path = file('bad.csv', 'id,input,expected\n# a "note\na,"two\nlines",1\n\nb,"x ""y""",2\na,z,3\n');
    expect((await failure(path, { comment: '#' })).message).toContain(`${path}:7: [2].id "a" is the id of case 1`);
  });

  test('name line and offset of a syntax error', async () => {
    const path = file('bad.json', '{"testCases": [\n{"input": 1,, "expected": 1}]}');
    expect((await failure(path)).message).toMatch(/:2: .*line 2, byte offset \d+/);
  });

  test('count the other problems', async () => {
    const path = file('bad.jsonl', '{"input":1}\n{"input":2}\n{"expected":2}\n');
    expect((await failure(path)).message).toMatch(/:1: .*and 2 more problems; validateDataset lists all/);
  });

  test('tell of a file without a case, and of one that is not there', async () => {
    expect((await failure(file('empty.jsonl', '\n'))).message).toContain('there is no test case in it');
    expect((await failure(join(folder, 'gone.json'))).message).toContain('gone.json');
    expect((await failure(join(folder, 'gone.jsonl'))).message).toContain('gone.jsonl');
  });

  test('give the line on which a member begins, whatever stands before it', async () => {
    const value = fc.jsonValue({ maxDepth: 3 });
    await fc.assert(
      fc.asyncProperty(fc.array(value, { maxLength: 5 }), fc.constantFrom(0, 1, 3), async (before, indent) => {
        const good = before.map((input, i) => ({ id: `c${i}`, input, expected: 0 }));
        const text = JSON.stringify({ testCases: [...good, { id: 'bad', input: 0 }] }, null, indent);
        const path = file('p.json', text);
        // The innermost member that there is holds the missing one.
        const line = text.slice(0, text.lastIndexOf('{')).split('\n').length;
        expect((await failure(path)).line).toBe(line);
      }),
      { numRuns: 60 },
    );
  });

  test('refuse options and paths of a wrong type', async () => {
    await expect(loadDataset(7 as never)).rejects.toThrow(/path must be the path or file URL of a dataset, got 7/);
    await expect(loadDataset('everyday', { fields: { inputs: 'x' } as never })).rejects.toThrow(/fields must be/);
    await expect(loadDataset('everyday', { directory: 7 as never })).rejects.toThrow(/directory must be a string/);
  });
});
