import { execFileSync } from 'node:child_process';
import { createWriteStream, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { command, directory, jsonl, start } from './command.js';

const three = jsonl([1, 2, 3].map((n) => ({ id: `c${n}`, expected: n, actual: n })));
const FLAGS = ['--actual-field', 'actual', '--json', 'out.json'];

/** Runs the command with `input` on its standard input, a piece at a time. */
async function piped(dataset: string, pieces: (string | Buffer)[], dir = directory()) {
  const { child, outcome } = start(['run', dataset, ...FLAGS], {}, dir);
  for (const piece of pieces) {
    child.stdin!.write(piece);
    await new Promise((resolve) => setImmediate(resolve));
  }
  child.stdin!.end();
  return { ...(await outcome), dir };
}

describe.each(['-', '/dev/stdin'])('a dataset named %s', (dataset) => {
  test('is what comes through standard input', async () => {
    const { code, stdout, stderr, dir } = await piped(dataset, [three.slice(0, 20), three.slice(20)]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringContaining('3 cases of standard input') });
    expect(stdout).toContain('3 of 3 cases passed');
    expect(JSON.parse(readFileSync(join(dir, 'out.json'), 'utf8')).total).toBe(3);
  });

  test('is an error when nothing comes', async () => {
    const { code, stdout, stderr } = await piped(dataset, []);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('standard input: there is no case in it');
  });

  test('may be compressed', async () => {
    const { code, stdout } = await piped(dataset, [gzipSync(three)]);
    expect(code).toBe(0);
    expect(stdout).toContain('3 of 3 cases passed');
  });

  test('tells what is wrong with a case by its number', async () => {
    const { code, stderr } = await piped(dataset, [three, '{"id":"c4"}\n']);
    expect(code).toBe(2);
    expect(stderr).toContain('standard input (case 4): field "expected" is missing');
  });
});

test('a named pipe is read to its end, once', async () => {
  const dir = directory();
  execFileSync('mkfifo', [join(dir, 'pipe.jsonl')]);
  const { outcome } = start(['run', 'pipe.jsonl', ...FLAGS], {}, dir);
  createWriteStream(join(dir, 'pipe.jsonl')).end(three);
  const { code, stdout } = await outcome;
  expect(code).toBe(0);
  expect(stdout).toContain('3 of 3 cases passed');
});

test('a dataset of more cases than are read ahead goes through a pipe whole', async () => {
  const many = jsonl(Array.from({ length: 25_000 }, (_, i) => ({ id: i, expected: i, actual: i })));
  const { code, stdout, stderr } = await piped('-', [many]);
  expect(code).toBe(0);
  expect(stderr).toContain('10,');
  expect(stdout).toContain('25,000 of 25,000 cases passed');
});

test('an empty file is an error, whatever its name', async () => {
  for (const name of ['empty.jsonl', 'empty.json', 'empty.csv']) {
    const dir = directory({ [name]: '' });
    const { code, stdout } = await command(['run', name, ...FLAGS], {}, dir);
    expect({ code, stdout }, name).toEqual({ code: 2, stdout: '' });
  }
});

test('integers beyond 2^53 keep every digit from the dataset to the report', async () => {
  const line = (id: string, actual: string) =>
    `{"id":"${id}","input":1,"expected":{"n":9007199254740993},"actual":{"n":${actual}}}\n`;
  const dir = directory({ 'c.jsonl': line('a', '9007199254740993') + line('b', '9007199254740992') });
  expect((await command(['run', 'c.jsonl', ...FLAGS], {}, dir)).code).toBe(0);
  const text = readFileSync(join(dir, 'out.json'), 'utf8');
  expect(text).toContain('"expected":{"n":9007199254740993}');
  expect(JSON.parse(text)).toMatchObject({ passed: 1, failed: 1 });
});
