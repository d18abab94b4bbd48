// `npm run example -- NAME…`: runs examples by number or name, all of them without one, on the built package.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const compilerOptions = { module: ts.ModuleKind.ES2022, target: ts.ScriptTarget.ES2022 };

/** Compiles `source`, an ES module in TypeScript, into the package's scope, and runs it. Its types are checked by tsc. */
export function runTypeScript(name, source, stdio = 'inherit') {
  const folder = join(root, '.tmp', 'examples');
  const file = join(folder, `${name}.mjs`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, ts.transpileModule(source, { compilerOptions, fileName: `${name}.mts` }).outputText);
  return spawnSync(process.execPath, ['--expose-gc', file], { cwd: root, stdio, encoding: 'utf8', timeout: 120_000 });
}

/** The names of all examples, in order. */
export function exampleNames() {
  const files = readdirSync(join(root, 'examples')).filter((file) => file.endsWith('.mts'));
  return files.map((file) => file.replace('.mts', '')).sort();
}

export function runExample(name, stdio) {
  return runTypeScript(name, readFileSync(join(root, 'examples', `${name}.mts`), 'utf8'), stdio);
}

function main() {
  const asked = process.argv.slice(2);
  const names = exampleNames().filter((name) => asked.length === 0 || asked.some((part) => name.includes(part)));
  if (names.length === 0) {
    console.error(`No example is named ${asked.join(', ')}. There are:\n  ${exampleNames().join('\n  ')}`);
    process.exit(2);
  }
  for (const name of names) {
    console.log(`\n# ${name}`);
    const { status } = runExample(name);
    if (status !== 0) process.exit(status ?? 1);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
