import { createRequire } from 'node:module';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { command, directory, jsonl } from './command.js';

const require = createRequire(import.meta.url);
const { CONFIG } =
  require('../../.facade/cli/config/config_shape.js') as typeof import('../../ts/cli/config/config_shape.js');
const { pathText, problems } =
  require('../../.facade/cli/config/shape.js') as typeof import('../../ts/cli/config/shape.js');
const { keyLine } =
  require('../../.facade/cli/config/key_place.js') as typeof import('../../ts/cli/config/key_place.js');
const { readJsonConfig } =
  require('../../.facade/cli/config/json_config.js') as typeof import('../../ts/cli/config/json_config.js');
const { readYamlConfig } =
  require('../../.facade/cli/config/yaml_config.js') as typeof import('../../ts/cli/config/yaml_config.js');

/** A valid configuration that has every key there is, so that each can be made wrong. */
const whole = {
  name: 'all keys',
  description: '',
  datasets: ['a.jsonl'],
  models: [
    'plain',
    {
      ...{ modelId: 'm', provider: 'local', baseUrl: 'http://x/v1', apiKeyEnv: 'KEY', name: 'n', system: '' },
      ...{ temperature: 0.5, maxTokens: 5, price: { input: 1, output: 2 } },
    },
  ],
  runner: {
    ...{ timeout: 1, retries: 0, concurrency: 1, parallel: false, requestsPerMinute: 1, tokensPerMinute: 1 },
    ...{ system: 's', temperature: 0, maxTokens: 1 },
  },
  scorers: ['exact', { name: 'rouge', options: {} }, { strategy: 'llm-judge', threshold: 0.5, judgePrompt: 'good?' }],
  threshold: 0.5,
  tolerance: 0,
  fields: { id: 'i', input: 'q', expected: 'e', category: 'c', actual: 'a' },
  repeat: 1,
  limit: 1,
  minPassRate: 0.5,
  allowErrors: 0,
  baseline: { baselineId: 'main', enabled: true, failOn: 'minor', failOnRegression: false },
  output: { format: 'json', file: 'f', json: 'j', jsonLines: 'l', showFailures: 1 },
  store: 'runs.db',
  cache: { file: 'answers.db', mode: 'on' },
};

type Path = (string | number)[];

/** The paths of all members of a value. */
function pathsIn(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  const inner = Object.entries(value).flatMap(([key, each]) =>
    pathsIn(each, [...path, Array.isArray(value) ? Number(key) : key]),
  );
  return path.length === 0 ? inner : [path, ...inner];
}

function withValue(path: Path, value: unknown): unknown {
  const copy = structuredClone(whole) as unknown;
  let at = copy as Record<string | number, unknown>;
  for (const key of path.slice(0, -1)) at = at[key] as typeof at;
  at[path.at(-1)!] = value;
  return copy;
}

/** Where any object is taken as it is, its members are not checked. */
const paths = pathsIn(whole);

describe('the check of a configuration', () => {
  test('accepts a configuration with every key', () => {
    expect(problems(CONFIG, whole)).toEqual([]);
    expect(problems(CONFIG, {})).toEqual([]);
  });

  test('refuses every wrong type of every key, and names the key', () => {
    for (const path of paths) {
      for (const wrong of [null, Number.NaN, -1, -0.5, 1n, Symbol('s'), new Date(), [], [[]], () => 1, new Map()]) {
        const found = problems(CONFIG, withValue(path, wrong));
        expect(found.length, `${pathText(path)} = ${String(wrong)}`).toBeGreaterThan(0);
        expect(pathText(found[0]!.path).startsWith(pathText(path)), pathText(found[0]!.path)).toBe(true);
      }
    }
  });

  test('refuses an unknown key anywhere, and suggests the near one', () => {
    const objects = paths.filter(
      (path) => pathsIn(path.reduce<unknown>((at, key) => (at as never)[key], whole)).length > 1,
    );
    const named = objects.filter((path) => !path.includes('options') && typeof path.at(-1) !== 'undefined');
    for (const path of [[], ...named]) {
      const inside = path.reduce<unknown>((at, key) => (at as never)[key], whole);
      if (Array.isArray(inside)) continue;
      const found = problems(CONFIG, path.length === 0 ? { ...whole, x1: 1 } : withValue([...path, 'x1'], 1));
      expect(found).toEqual([{ path: [...path, 'x1'], message: expect.stringContaining('there is no such key') }]);
    }
    expect(problems(CONFIG, { dataset: ['a'] })[0]!.message).toContain('did you mean datasets?');
    expect(problems(CONFIG, { minpassrate: 1 })[0]!.message).toContain('did you mean minPassRate?');
    expect(problems(CONFIG, JSON.parse('{"__proto__": 1}'))).toHaveLength(1);
  });

  test('never throws, whatever the value is', () => {
    fc.assert(
      fc.property(
        fc.anything({ withBigInt: true, withDate: true, withMap: true, withNullPrototype: true }),
        (value) => {
          expect(Array.isArray(problems(CONFIG, value))).toBe(true);
          expect(Array.isArray(problems(CONFIG, { models: value, scorers: value, baseline: value }))).toBe(true);
        },
      ),
    );
  });
});

describe('the line of a key', () => {
  test('is found for every key of a configuration in JSON, YAML and TypeScript', () => {
    const json = JSON.stringify(whole, null, 2);
    const program = `import { a } from 'b'; // { "name": 1 }\nconst re = /[{/]/;\nconst config = ${json.replaceAll(/"(\w+)":/g, '$1:')};\nexport default defineConfig(config);\n`;
    const places: [line: (path: Path) => number | undefined, source: string][] = [
      [(path) => readJsonConfig('c.json', json).lineOf(path), json],
      [(path) => readYamlConfig('c.yaml', json).lineOf(path), json],
      [(path) => keyLine(program, path), program],
    ];
    for (const [lineOf, source] of places) {
      const lines = source.split('\n');
      for (const path of paths) {
        const key = path.at(-1)!;
        const line = lines[lineOf(path)! - 1]!;
        if (typeof key === 'string') expect(line, pathText(path)).toMatch(new RegExp(`"?${key}"?:`));
      }
    }
    expect(keyLine(program, ['models', 1, 'price', 'output'])).toBe(
      program.slice(0, program.indexOf('output:')).split('\n').length,
    );
  });
});

const cases = jsonl([{ id: 'a', input: 'q', expected: 'x' }]);

describe('--config', () => {
  const broken: [name: string, file: string, text: string, message: string][] = [
    [
      'an unknown key',
      'c.json',
      '{\n  "datasets": ["cases.jsonl"],\n  "modles": []\n}',
      'c.json:3: modles: there is no such key; did you mean models?',
    ],
    [
      'a wrong type',
      'c.yaml',
      'runner:\n  retries: 2\n  timeout: soon\n',
      'c.yaml:3: runner.timeout: must be a number above 0, got "soon"',
    ],
    [
      'a wrong item',
      'c.mjs',
      'export default {\n  models: [\n    "a",\n    { modelID: "b" },\n  ],\n};\n',
      'c.mjs:4: models[1].modelID: there is no such key; did you mean modelId?',
    ],
    ['JSON that is none', 'c.json', '{\n  "repeat": 1,\n  oops\n}', 'c.json:3: is not JSON'],
    ['JSON that ends early', 'c.json', '{\n  "repeat": 1,\n', 'c.json:3: is not JSON'],
    ['a key twice in JSON', 'c.json', '{\n  "repeat": 1,\n  "repeat": 2\n}', 'c.json:3: the key repeat is given twice'],
    ['YAML that is none', 'c.yml', 'name: a\nmodels: [a\n', 'c.yml:3: is not YAML'],
    [
      'a key twice in YAML',
      'c.yml',
      'repeat: 1\nlimit: 2\nrepeat: 3\n',
      'c.yml:3: is not YAML: Map keys must be unique',
    ],
    ['an empty file', 'c.yaml', '', 'c.yaml:1: must be an object, got null'],
    ['TypeScript that is none', 'c.ts', 'export default {\n  repeat: 1,\n  limit: = 2,\n};\n', 'c.ts:3: '],
    [
      'a program that throws',
      'c.ts',
      "const a: number = 1;\n\nthrow new Error('bad ' + a);\nexport default {};\n",
      'c.ts:3: bad 1',
    ],
    ['a program without a default export', 'c.mts', 'export const config = {};\n', 'c.mts:1: has no default export'],
    ['a missing import', 'c.ts', "import x from './nowhere.js';\nexport default { name: x };\n", 'nowhere.js'],
    [
      'two kinds of scorers',
      'c.json',
      '{\n "scorer": "exact",\n "scorers": ["json"]\n}',
      'c.json:3: scorers: excludes scorer',
    ],
    [
      'a scorer that there is not',
      'c.json',
      '{\n "scorers": ["exact",\n  "rogue"]\n}',
      'c.json:3: scorers[1]: there is no scorer "rogue"; did you mean rouge?',
    ],
    ['two models of one name', 'c.json', '{"models": ["a",\n "a"]}', 'c.json:2: models[1]: two models are named a'],
    ['a form that is none', 'c.toml', '', 'c.toml is no configuration; its name must end with one of .ts'],
  ];
  for (const [name, file, text, message] of broken) {
    test(`ends with 2 and the place for ${name}, before anything is run`, async () => {
      const dir = directory({ [file]: text, 'cases.jsonl': cases });
      for (const args of [
        ['run', '--config', file],
        ['config', 'validate', file],
      ]) {
        const { code, stdout, stderr } = await command(args, {}, dir);
        expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
        expect(stderr).toContain(message);
        expect(stderr.split('\n')[0]).toMatch(/^ai-evals: c\./);
      }
    });
  }

  test('ends with 2 for a file that is not there, and for a directory', async () => {
    const dir = directory();
    const missing = await command(['run', '-c', 'no.yaml'], {}, dir);
    expect(missing).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('no.yaml (--config) cannot be read: there is no such file'),
    });
    expect(await command(['run', '-c', '.'], {}, dir)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('it is a directory'),
    });
  });

  test('tells every problem at once', async () => {
    const dir = directory({ 'c.yaml': 'repeat: 0\nlimit: x\nfoo: 1\n' });
    const { stderr } = await command(['run', '-c', 'c.yaml'], {}, dir);
    expect(stderr).toContain('c.yaml:1: repeat: must be');
    expect(stderr).toContain('c.yaml:2: limit: must be');
    expect(stderr).toContain('c.yaml:3: foo: there is no such key');
  });

  test('reads TypeScript with its own syntax, its imports, and the package itself', async () => {
    const dir = directory({
      'ai-evals.config.ts':
        "import { defineConfig, type EvalConfig } from '@aah/ai-evals';\nimport { exactMatch } from '@aah/ai-evals/scorers';\nimport { Name } from './name.js';\nconst base = { name: Name.first } satisfies EvalConfig;\nexport default defineConfig(async () => ({ ...base, datasets: ['cases.jsonl'], fields: { actual: 'answer' }, scorers: [exactMatch(), 'numeric'] }));\n",
      'name.ts': 'export enum Name { first = "from an enum" }\n',
      'cases.jsonl': jsonl([{ id: 'a', expected: 1, answer: '1' }]),
    });
    const shown = await command(['config', 'show', '--json'], {}, dir);
    expect({ code: shown.code, stderr: shown.stderr }).toEqual({ code: 0, stderr: '' });
    expect(JSON.parse(shown.stdout)).toMatchObject({
      name: 'from an enum',
      scorers: ['exactMatch', 'numeric'],
      runner: { timeout: 30_000, retries: 3, concurrency: 5 },
    });
    const { code, stdout } = await command(['run', '--json'], {}, dir);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ passed: 1, scorer: 'exactMatch, numeric' });
  });

  test('is found in the working directory, once, unless --no-config is given', async () => {
    const dir = directory({
      'ai-evals.config.yaml': 'repeat: none\n',
      'cases.jsonl': jsonl([{ expected: 'x', answer: 'x' }]),
    });
    const run = ['run', 'cases.jsonl', '--actual-field', 'answer'];
    expect(await command(run, {}, dir)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('ai-evals.config.yaml:1: repeat'),
    });
    expect(await command([...run, '--no-config'], {}, dir)).toMatchObject({ code: 0 });
    const two = directory({ 'ai-evals.config.yaml': '{}', 'ai-evals.config.json': '{}' });
    expect(await command(['run'], {}, two)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('there are several configurations: ai-evals.config.yaml, ai-evals.config.json'),
    });
  });

  test('gives way to flags, and its paths start at its file', async () => {
    const dir = directory();
    const { mkdirSync, writeFileSync } = await import('node:fs');
    mkdirSync(`${dir}/sub`);
    writeFileSync(
      `${dir}/sub/cases.jsonl`,
      jsonl([
        { expected: 'x', answer: 'x' },
        { expected: 'y', answer: 'x' },
      ]),
    );
    writeFileSync(
      `${dir}/sub/c.json`,
      JSON.stringify({
        datasets: ['cases.jsonl'],
        fields: { actual: 'answer' },
        limit: 1,
        minPassRate: 1,
        output: { json: 'out.json' },
        store: 'kept.db',
      }),
    );
    expect((await command(['run', '-c', 'sub/c.json'], {}, dir)).code).toBe(0);
    const { existsSync } = await import('node:fs');
    expect([existsSync(`${dir}/sub/out.json`), existsSync(`${dir}/sub/kept.db`)]).toEqual([true, true]);
    expect((await command(['run', '-c', 'sub/c.json', '--limit', '2'], {}, dir)).code).toBe(1);
  });
});
