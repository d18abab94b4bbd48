import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { command, directory, jsonl } from './command.js';

const require = createRequire(import.meta.url);
const { COMMANDS } = require('../../.facade/cli/commands.js') as typeof import('../../ts/cli/commands.js');

describe('init', () => {
  for (const format of ['ts', 'mts', 'js', 'mjs', 'yaml', 'yml', 'json']) {
    test(`makes a ${format} configuration and a dataset that run as they are`, async () => {
      const dir = directory();
      const made = await command(['init', '--format', format], {}, dir);
      expect(made).toMatchObject({ code: 0, stdout: expect.stringContaining(`made ai-evals.config.${format}`) });
      const { code, stdout } = await command(['run'], {}, dir);
      expect({ code, passed: /3 of 3 cases passed/.test(stdout) }).toEqual({ code: 0, passed: true });
    });
  }

  test('writes over nothing, and over its own files with --force', async () => {
    const dir = directory();
    await command(['init', '--json'], {}, dir);
    writeFileSync(join(dir, 'datasets/first.jsonl'), 'mine');
    expect(await command(['init'], {}, dir)).toMatchObject({ code: 2, stderr: expect.stringContaining('--force') });
    expect(await command(['init', '--format', 'yaml', '--force'], {}, dir)).toMatchObject({ code: 2 });
    expect(readFileSync(join(dir, 'datasets/first.jsonl'), 'utf8')).toBe('mine');
    expect(await command(['init', '--force'], {}, dir)).toMatchObject({ code: 0 });
    expect(readFileSync(join(dir, 'datasets/first.jsonl'), 'utf8')).not.toBe('mine');
  });
});

describe('dataset', () => {
  const bad = `${jsonl([{ id: 'a', input: 'q', expected: 1 }])}\n${jsonl([
    { id: 'a', input: 'q', expected: 1 },
    { id: 'c', expected: 1 },
  ])}`;

  test('list names the datasets of the configuration, the folder and the package', async () => {
    const dir = directory({ 'mine.jsonl': '', 'ai-evals.config.json': '{"datasets": ["mine.jsonl"]}' });
    await command(['dataset', 'create', 'other'], {}, dir);
    const { code, stdout } = await command(['dataset', 'list', '--json'], {}, dir);
    const ids = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).id);
    expect({ code, ids }).toEqual({ code: 0, ids: ['mine', 'other', 'everyday'] });
  });

  test('validate tells every problem with its line, and ends with 2', async () => {
    const dir = directory({ 'bad.jsonl': bad, 'good.jsonl': jsonl([{ input: 'q', expected: 1 }]) });
    const { code, stdout } = await command(['dataset', 'validate', 'bad.jsonl', 'good.jsonl'], {}, dir);
    expect(code).toBe(2);
    expect(stdout).toContain('bad.jsonl:3: the id "a" is that of case 1 too');
    expect(stdout).toContain('bad.jsonl:4: field "input" is missing');
    expect(stdout).toContain('good.jsonl: 1 case, valid');
    const json = await command(['dataset', 'validate', 'good.jsonl', '--json'], {}, dir);
    expect({ code: json.code, ...JSON.parse(json.stdout) }).toMatchObject({
      code: 0,
      valid: true,
      cases: 1,
      problems: [],
    });
  });

  test('show tells categories and first cases; an unknown id is told with those there are', async () => {
    const shown = await command(['dataset', 'show', 'everyday', '--limit', '1', '--json']);
    expect(JSON.parse(shown.stdout)).toMatchObject({ cases: 600, problems: 0, first: [{ id: expect.any(String) }] });
    expect(await command(['dataset', 'show', 'nope'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('the ids are'),
    });
  });

  test('create makes files that validate, in both forms', async () => {
    const dir = directory();
    expect(await command(['dataset', 'create', 'a'], {}, dir)).toMatchObject({ code: 0 });
    expect(await command(['dataset', 'create', 'b.json', '--name', 'B'], {}, dir)).toMatchObject({ code: 0 });
    expect(JSON.parse(readFileSync(join(dir, 'b.json'), 'utf8'))).toMatchObject({
      name: 'B',
      testCases: [{ id: 'case-1' }],
    });
    expect((await command(['dataset', 'validate', 'a', 'b.json'], {}, dir)).code).toBe(0);
    expect((await command(['dataset', 'create', 'a'], {}, dir)).code).toBe(2);
    expect((await command(['dataset', 'create', 'c.csv'], {}, dir)).code).toBe(2);
    expect(existsSync(join(dir, 'c.csv'))).toBe(false);
  });
});

describe('completion', () => {
  test('prints a bash script that parses and completes commands, verbs and flags', async () => {
    const { code, stdout } = await command(['completion', 'bash']);
    expect(code).toBe(0);
    expect(spawnSync('bash', ['-n'], { input: stdout }).status).toBe(0);
    const completed = (...words: string[]) => {
      const quoted = words.map((word) => `'${word}'`).join(' ');
      const script = `${stdout}\nCOMP_WORDS=(${quoted}); COMP_CWORD=${words.length - 1}; _ai_evals; printf '%s\\n' "\${COMPREPLY[@]}"`;
      return spawnSync('bash', ['-c', script], { encoding: 'utf8' }).stdout.trim().split('\n');
    };
    expect(completed('ai-evals', 'co')).toEqual(['compare', 'config', 'completion']);
    expect(completed('ai-evals', 'baseline', 's')).toContain('set');
    expect(completed('ai-evals', 'run', '--only')).toEqual(['--only-failed']);
    expect(completed('ai-evals', 'report', '--la')).toEqual(['--latest']);
  });

  for (const shell of ['bash', 'zsh', 'fish']) {
    test(`names every command and flag for ${shell}`, async () => {
      const { stdout } = await command(['completion', shell]);
      for (const [name, { flags }] of Object.entries(COMMANDS)) {
        expect(stdout).toContain(name);
        for (const flag of Object.keys(flags)) expect(stdout).toContain(shell === 'fish' ? `-l ${flag}` : `--${flag}`);
      }
    });
  }

  test('ends with 2 for another shell', async () => {
    expect(await command(['completion', 'tcsh'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('one of bash, zsh, fish'),
    });
  });
});

describe('--help', () => {
  for (const [name, { flags }] of Object.entries(COMMANDS)) {
    test(`of ${name} has exit codes, names its flags and is at most 80 columns wide`, async () => {
      const { code, stdout } = await command([name, '--help'], { NAPI_RS_NATIVE_LIBRARY_PATH: '/nowhere.node' });
      expect(code).toBe(0);
      expect(stdout).toMatch(/Exit codes: 0 |until Ctrl-C/);
      // The flags of `compare --models` are those of `run`.
      const own = name === 'compare' ? ['models', 'metric', 'show', 'json', 'store'] : Object.keys(flags);
      for (const flag of own) if (flag !== 'help') expect(stdout).toContain(`--${flag}`);
      for (const line of stdout.split('\n')) expect(line.length, line).toBeLessThanOrEqual(80);
    });
  }
});
