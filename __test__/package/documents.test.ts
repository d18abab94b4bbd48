import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { exampleNames, runExample, runTypeScript } from '../../scripts/example.mjs';
import { root } from '../lifecycle/child.js';

const DOCUMENTS = [
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  'docs/dependencies.md',
  'docs/ai-sdk.md',
  'docs/cli.md',
];
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const blocks = [...readme.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, source]) => source ?? '');

describe('the README', () => {
  test('has an example for each room', () => {
    expect(blocks.length).toBeGreaterThanOrEqual(6);
  });

  test('has examples that compile under strict TypeScript, as a user would write them', () => {
    const folder = join(root, '.tmp', 'readme');
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    const files = blocks.map((source, i) => {
      const file = join(folder, `block_${i + 1}.mts`);
      writeFileSync(file, source);
      return file;
    });
    const program = ts.createProgram(files, {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.NodeNext,
      moduleResolution: ts.ModuleResolutionKind.NodeNext,
      strict: true,
      isolatedModules: true,
      noEmit: true,
      // The typings of `ai` need others that it does not bring; ours are checked with the packed tarball.
      skipLibCheck: true,
      types: ['node'],
    });
    const problems = ts.getPreEmitDiagnostics(program).map(({ file, start, messageText }) => {
      const line = file && start !== undefined ? file.getLineAndCharacterOfPosition(start).line + 1 : 0;
      return `${file?.fileName ?? ''}:${line} ${ts.flattenDiagnosticMessageText(messageText, '\n')}`;
    });
    expect(problems).toEqual([]);
  }, 120_000);

  for (const [i, source] of blocks.entries()) {
    const [, said] = /import \{ (.*?) \}/.exec(source) ?? [];
    test(`example ${i + 1} (${said}) runs and prints what its comments say`, () => {
      const { status, stdout, stderr } = runTypeScript(`readme_${i + 1}`, source, 'pipe');
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      for (const [, printed] of source.matchAll(/^console\.log\(.*\); \/\/ (.*)$/gm)) expect(stdout).toContain(printed);
    });
  }

  test('names scripts that exist', () => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: object };
    for (const document of DOCUMENTS) {
      const text = readFileSync(join(root, document), 'utf8');
      for (const [, name] of text.matchAll(/npm run ([\w:]+)/g)) expect(Object.keys(scripts), document).toContain(name);
    }
  });
});

test('links in the documents lead to files that exist', () => {
  for (const document of DOCUMENTS) {
    const links = [...readFileSync(join(root, document), 'utf8').matchAll(/\]\((?!https?:|#)([^)#]+)/g)];
    for (const [, link] of links)
      expect(existsSync(join(root, document, '..', link ?? '')), `${document}: ${link}`).toBe(true);
  }
});

describe('the guide’s use cases in examples/', () => {
  test('are the first 16', () => {
    const numbers = exampleNames().map((name) => Number(name.slice(0, 2)));
    expect(numbers.slice(0, 16)).toEqual(Array.from({ length: 16 }, (_, i) => i + 1));
  });

  for (const name of exampleNames()) {
    test(`${name} runs to its end`, () => {
      const { status, stdout, stderr } = runExample(name, 'pipe');
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      expect(stdout).not.toBe('');
    });
  }
});
