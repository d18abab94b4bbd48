import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { command, directory, jsonl, provider } from './command.js';

const require = createRequire(import.meta.url);
const { readRunOptions } = require('../../.facade/cli/run_options.js') as typeof import('../../ts/cli/run_options.js');
const { UsageError } = require('../../.facade/cli/user_error.js') as typeof import('../../ts/cli/user_error.js');

const good = { id: 'a', input: 'q', expected: 'x' };

describe('bad usage is told in one line', () => {
  for (const [args, message] of [
    [['--scorr', 'exact'], 'there is no flag --scorr; did you mean --scorer?'],
    [['--min-passrate=1'], 'there is no flag --min-passrate; did you mean --min-pass-rate?'],
    [['--frobnicate'], 'there is no flag --frobnicate'],
    [['-x'], 'there is no flag -x'],
    [['--scorer', 'rogue'], 'there is no scorer "rogue" (--scorer); did you mean rouge?'],
    [['--scorer', 'levenstein:unit=utf16'], 'there is no scorer "levenstein" (--scorer); did you mean levenshtein?'],
    [['--scorer', 'constructor'], 'there is no scorer "constructor" (--scorer); the names are those of'],
    [['--scorer', 'exact:ignoreCase'], '--scorer exact takes no options, got "exact:ignoreCase"'],
    [['--scorer', 'rouge:{"type"'], 'the options are not a JSON object'],
    [['--scorer', 'rouge:=rougeL'], '"=rougeL" is not an option'],
    [['--scorer', 'rouge:type=rouge1,type=rouge2'], 'the option type is given twice'],
    [['--scorer', 'rouge', '--scorer', 'rouge'], '--scorer rouge is given twice'],
    [['--threshold', '80'], '--threshold must be a number from 0 to 1 (0.9 is 90 %), got "80"'],
    [['--limit', '0'], '--limit must be a whole number of at least 1, got "0"'],
    [['--limit=-3'], '--limit must be a whole number of at least 1, got "-3"'],
    [['--limit', '2.5'], '--limit must be a whole number of at least 1, got "2.5"'],
    [['--limit', 'many'], '--limit must be a whole number of at least 1, got "many"'],
    [['--limit', ''], '--limit must be a whole number of at least 1, got ""'],
    [['--limit'], "'--limit <value>' argument missing"],
    [['--rpm', '0'], '--rpm must be a whole number of at least 1, got "0"'],
    [['--tpm', 'NaN'], '--tpm must be a whole number of at least 1, got "NaN"'],
    [['--tpm', 'Infinity'], '--tpm must be a whole number of at least 1, got "Infinity"'],
    [['--concurrency', '0x10'], '--concurrency must be a whole number of at least 1, got "0x10"'],
    [['--retries', '-1'], 'argument is ambiguous'],
    [['--min-pass-rate', '85'], '--min-pass-rate must be a number from 0 to 1 (0.9 is 90 %), got "85"'],
    [['--timeout', '0'], '--timeout must be a number above 0, got "0"'],
    [['--tolerance=-1'], '--tolerance must be a number of at least 0, got "-1"'],
    [['--price-in', '1'], '--price-in and --price-out belong together: give both'],
    [['--allow-errors=-1'], '--allow-errors must be a whole number of at least 0, got "-1"'],
    [['--allow-errors=some'], '--allow-errors must be a whole number of at least 0, got "some"'],
    [['--show-failures', '1.5'], '--show-failures must be a whole number of at least 0, got "1.5"'],
    [['--json-lines', ''], '--json-lines must not be empty'],
    [['--id-field', ''], '--id-field must not be empty'],
    [['--json', ''], '--json must not be empty'],
    [['--no-cache=yes'], "'--no-cache' does not take an argument"],
    [['a.jsonl', 'b.jsonl'], 'one DATASET at a time, got also "b.jsonl"'],
    [[''], 'DATASET must be the path of a file, got ""'],
  ] as [string[], string][]) {
    test(args.join(' ') || 'an empty argument', () => {
      expect(() => readRunOptions(args, {})).toThrow(UsageError);
      expect(() => readRunOptions(args, {})).toThrow(message);
    });
  }

  test('and exits with 2, pointing at the help of the command, needing no native library', async () => {
    for (const [args, message] of [
      [[], 'ai-evals: a command is missing: run, compare or serve\nTry: ai-evals --help\n'],
      [['rum'], 'ai-evals: there is no command rum; did you mean run?\nTry: ai-evals --help\n'],
      [['run', '--limt', '5'], 'ai-evals: there is no flag --limt; did you mean --limit?\nTry: ai-evals run --help\n'],
      [['serve', 'x'], 'ai-evals: serve takes no argument, got x\nTry: ai-evals serve --help\n'],
    ] as [string[], string][]) {
      const outcome = await command(args, { NAPI_RS_NATIVE_LIBRARY_PATH: '/nowhere.node' });
      expect(outcome).toEqual({ code: 2, stdout: '', stderr: message });
    }
  });
});

describe('bad input exits with 2 and names file, line and field, before any call is made', () => {
  const cases: [name: string, file: string, text: string, args: string[], message: string][] = [
    [
      'a field that is missing',
      'c.jsonl',
      `${jsonl([good])}\n${jsonl([{ id: 'b', input: 'q' }])}`,
      [],
      'c.jsonl:3: field "expected" is missing',
    ],
    [
      'a field chosen by a flag',
      'c.jsonl',
      jsonl([good]),
      ['--input-field', 'question.text'],
      'c.jsonl:1: field "question.text" is missing',
    ],
    ['an id chosen by a flag', 'c.jsonl', jsonl([good]), ['--id-field', 'key'], 'c.jsonl:1: field "key" is missing'],
    [
      'an id that is an object',
      'c.jsonl',
      jsonl([good, { ...good, id: {} }]),
      [],
      'c.jsonl:2: field "id" is not a text or a number',
    ],
    [
      'a recorded answer that is missing',
      'c.jsonl',
      jsonl([{ ...good, a: 1 }, good]),
      ['--actual-field', 'a'],
      'c.jsonl:2: field "a" is missing',
    ],
    [
      'a category no case has',
      'c.jsonl',
      jsonl([good]),
      ['--category-field', 'metadata.categry'],
      'no case has the field "metadata.categry"',
    ],
    ['a record that is not an object', 'c.jsonl', `${jsonl([good])}5\n`, [], 'c.jsonl:2: field "input" is missing'],
    [
      'a record of a JSON document',
      'c.json',
      JSON.stringify([good, { id: 'b' }]),
      [],
      'c.json (case 2): field "input" is missing',
    ],
    ['an empty file', 'c.jsonl', '\n', [], 'c.jsonl: there is no case in it'],
  ];
  for (const [name, file, text, args, message] of cases) {
    test(name, async () => {
      const dir = directory({ [file]: text });
      const { url, received } = await provider(() => 'x');
      const env = { OPENAI_BASE_URL: url };
      const { code, stdout, stderr } = await command(['run', file, ...args, '--json', 'out.json'], env, dir);
      expect(stderr).toContain(`ai-evals: ${message.startsWith('no case') ? file : ''}`);
      expect(stderr).toContain(message);
      expect({ code, stdout, calls: received.length }).toEqual({ code: 2, stdout: '', calls: 0 });
      expect(readdirSync(dir)).toEqual([file]);
    });
  }

  test('a line that is not JSON', async () => {
    const dir = directory({ 'c.jsonl': `${jsonl([good, good])}{"id": "b", "input"\n` });
    const { code, stderr } = await command(['run', 'c.jsonl'], {}, dir);
    expect(code).toBe(2);
    expect(stderr).toMatch(/c\.jsonl.*\b3\b/);
  });

  test('a file that does not exist, and a directory', async () => {
    const dir = directory();
    const missing = await command(['run', 'nowhere.jsonl'], {}, dir);
    expect(missing.code).toBe(2);
    expect(missing.stderr).toContain('nowhere.jsonl');
    expect((await command(['run', '.'], {}, dir)).code).toBe(2);
  });

  test('a file to be written that is the one to be read, or another one to be written', async () => {
    const dir = directory({ 'c.jsonl': jsonl([good]) });
    symlinkSync('c.jsonl', join(dir, 'link'));
    for (const [args, message] of [
      [['--json', './c.jsonl'], './c.jsonl (--json) is the dataset itself'],
      [['--json', 'link'], 'link (--json) is the dataset itself'],
      [['--json-lines', 'link'], 'link (--json-lines) is the dataset itself'],
      [['--json-lines', 'out', '--json', 'out'], 'out (--json-lines) is the file of --json'],
      [['--cache-file', 'c.jsonl'], 'c.jsonl (--cache-file) is the dataset itself'],
      [['--cache-file', 'out', '--json', 'out'], 'out (--cache-file) is the file of --json'],
    ] as [string[], string][]) {
      const { code, stderr } = await command(['run', 'c.jsonl', '--local', ...args], {}, dir);
      expect(stderr).toBe(`ai-evals: ${message}: name another file\n`);
      expect(code).toBe(2);
    }
    expect(readFileSync(join(dir, 'c.jsonl'), 'utf8')).toBe(jsonl([good]));
    expect(readdirSync(dir).sort()).toEqual(['c.jsonl', 'link']);
    expect(
      (await command(['run', 'c.jsonl', '--actual-field', 'input', '--cache-file', 'c.jsonl'], {}, dir)).code,
    ).toBe(0);
  });

  test('a report that cannot be written', async () => {
    const dir = directory({ 'c.jsonl': jsonl([good]) });
    mkdirSync(join(dir, 'taken'));
    const { url, received } = await provider(() => 'x');
    for (const file of ['taken', 'no/such/dir/out.json']) {
      const { code, stderr } = await command(['run', 'c.jsonl', '--json', file], { OPENAI_BASE_URL: url }, dir);
      expect(code).toBe(2);
      expect(stderr).toContain(`${file} (--json) cannot be written`);
      const lines = await command(['run', 'c.jsonl', '--json-lines', file], { OPENAI_BASE_URL: url }, dir);
      expect(lines).toMatchObject({
        code: 2,
        stderr: expect.stringContaining(`${file} (--json-lines) cannot be written`),
      });
    }
    expect(received).toHaveLength(0);
  });

  test('an environment that names no usable provider', async () => {
    const dir = directory({ 'c.jsonl': jsonl([good]) });
    for (const [env, message] of [
      [{ OPENAI_BASE_URL: 'not a url' }, 'OPENAI_BASE_URL must be a URL'],
      [{ OPENAI_BASE_URL: 'file:///etc' }, 'OPENAI_BASE_URL must be a URL'],
      [{ OPENAI_BASE_URL: 'http://me:hush@127.0.0.1/v1' }, 'must not hold a user name'],
      [{ OPENAI_API_KEY: 'sk-hush\nhush' }, 'OPENAI_API_KEY holds characters that cannot be sent'],
    ] as const) {
      const { code, stdout, stderr } = await command(['run', 'c.jsonl'], env, dir);
      expect(code).toBe(2);
      expect(stderr).toContain(message);
      expect(stdout + stderr).not.toContain('hush');
    }
  });
});

test('a report in place stays whole when a run comes to nothing', async () => {
  const dir = directory({ 'c.jsonl': jsonl([{ id: 'a' }]) });
  writeFileSync(join(dir, 'out.json'), 'before');
  expect((await command(['run', 'c.jsonl', '--json', 'out.json'], {}, dir)).code).toBe(2);
  expect(readFileSync(join(dir, 'out.json'), 'utf8')).toBe('before');
  expect(existsSync(join(dir, 'out.json'))).toBe(true);
  expect(readdirSync(dir).sort()).toEqual(['c.jsonl', 'out.json']);
});
