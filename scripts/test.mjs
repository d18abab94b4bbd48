// `npm test`: every check of the project, in an order that finds the cheap mistakes first.
//
//   npm test                      all of them
//   npm test -- clippy vitest     only these (names as printed)
//
// A check that fails prints all it said; the rest still run, except those that need what failed. The last line is
// `N passed, N failed`, where N counts tests wherever a check has tests, and the check itself where it has none.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { packTarballs } from './pack.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
process.chdir(root);
const scratch = join(root, '.tmp', 'test');
const packed = join(scratch, 'tarballs');
rmSync(scratch, { recursive: true, force: true });
mkdirSync(scratch, { recursive: true });

/** No check needs longer, even on two cores that others keep busy; one that hangs must not hold up the rest. */
const TIME_LIMIT_MS = 60 * 60_000;
const PLATFORM_MANIFESTS = readdirSync('npm').flatMap((folder) =>
  ['package.json', 'README.md'].map((file) => join('npm', folder, file)),
);
const GENERATED = ['ts/binding.cjs', 'ts/binding.d.cts', 'index.d.ts', ...PLATFORM_MANIFESTS];

class CheckFailed extends Error {
  constructor(output, counts) {
    super(output);
    this.counts = counts;
  }
}

/** Runs a command; resolves to what it printed, or throws it as {@link CheckFailed}, with the tests `count` finds. */
function run(command, args, { env = {}, count = () => undefined } = {}) {
  return new Promise((resolve, reject) => {
    const options = { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'], timeout: TIME_LIMIT_MS };
    const child = spawn(command, args, options);
    const said = [];
    child.stdout.on('data', (data) => said.push(data));
    child.stderr.on('data', (data) => said.push(data));
    child.once('error', (error) => reject(new CheckFailed(`${command}: ${error.message}`)));
    child.once('close', (status, signal) => {
      const output = Buffer.concat(said).toString();
      if (status === 0) resolve({ output, counts: count(output) });
      else reject(new CheckFailed(`${output}\n${command} ended with ${signal ?? `code ${status}`}`, count(output)));
    });
  });
}

const cargo = (...args) => run('cargo', args);
const node = (script, args, options) =>
  run(process.execPath, [join('node_modules', ...script.split('/')), ...args], options);
const hasNextest = () => spawnSync('cargo', ['nextest', '--version'], { stdio: 'ignore' }).status === 0;

/** Counts of `cargo test`: a `test result:` line for each binary. */
function cargoTests(output) {
  const results = [...output.matchAll(/^test result: \w+\. (\d+) passed; (\d+) failed/gm)];
  const sum = (group) => results.reduce((total, result) => total + Number(result[group]), 0);
  return { passed: sum(1), failed: sum(2) };
}

/** Counts of cargo-nextest: its closing line. */
function nextestTests(output) {
  const line = output.match(/^\s*Summary .*$/m)?.[0] ?? '';
  const number = (word) => Number(line.match(new RegExp(`(\\d+) ${word}`))?.[1] ?? 0);
  return { passed: number('passed'), failed: number('failed') + number('timed out') };
}

/** Counts of the JSON report that Vitest and Jest share. A file that does not even load counts as one failure. */
function reportedTests(file) {
  const report = JSON.parse(readFileSync(file, 'utf8'));
  const broken = report.testResults.filter((suite) => suite.status === 'failed' && suite.assertionResults.length === 0);
  const skipped = report.numPendingTests + (report.numTodoTests ?? 0);
  return { passed: report.numPassedTests, failed: report.numFailedTests + broken.length, skipped };
}

/** Vitest on `filters` (all tests if none), on this or another Node. */
function vitest(name, filters = [], runtime = process.execPath) {
  const report = join(scratch, `${name}.json`);
  const args = ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...filters];
  return run(runtime, [join('node_modules', 'vitest', 'vitest.mjs'), ...args], {
    // Not when `pack` was not among the checks: then whoever needs tarballs makes some.
    env: existsSync(packed) ? { AI_EVALS_TARBALLS: packed } : {},
    count: () => reportedTests(report),
  });
}

const generatedBefore = GENERATED.map((file) => readFileSync(file, 'utf8'));

/** The build must have left the committed generated files as they were; in CI also as git has them. */
async function checkDrift() {
  const drifted = GENERATED.filter((file, i) => readFileSync(file, 'utf8') !== generatedBefore[i]);
  if (drifted.length > 0) throw new CheckFailed(`The build changed ${drifted.join(', ')}: commit what it wrote.`);
  const inGit = spawnSync('git', ['rev-parse', '--is-inside-work-tree'], { stdio: 'ignore' }).status === 0;
  if (process.env.CI && inGit) await run('git', ['diff', '--exit-code', '--', ...GENERATED]);
}

/** Building what has not changed must do nothing. */
async function checkSecondBuild() {
  const { output } = await run(process.execPath, [join('scripts', 'build.mjs')]);
  if (output !== 'addon: unchanged\nfacade: unchanged\n') throw new CheckFailed(`A second build did work:\n${output}`);
}

async function checkPublint() {
  const { buffer: tarball } = new Uint8Array(readFileSync(rootTarball()));
  const { messages, pkg } = await publint({ pack: { tarball }, strict: true, level: 'suggestion' });
  if (messages.length > 0) throw new CheckFailed(messages.map((message) => formatMessage(message, pkg)).join('\n'));
}

/** The engine without the binding needs no Node. Examples and benches are compiled by clippy. */
const ENGINE = ['--locked', '--no-default-features', '--features', 'store'];

async function checkRust() {
  if (hasNextest()) {
    const args = ['nextest', 'run', ...ENGINE, '--lib', '--no-fail-fast', '--color', 'never'];
    return run('cargo', args, { count: nextestTests });
  }
  return run('cargo', ['test', ...ENGINE, '--lib', '--no-fail-fast'], { count: cargoTests });
}

const CLIPPY = ['clippy', '--locked', '--all-targets'];
const DENY = ['--', '-D', 'warnings'];
const checks = [
  ['rustfmt', () => cargo('fmt', '--check')],
  ['biome', () => node('@biomejs/biome/bin/biome', ['check', '.', '--error-on-warnings'])],
  ['tsc facade', () => node('typescript/bin/tsc', ['-p', 'tsconfig.json', '--noEmit'])],
  ['clippy binding', () => cargo(...CLIPPY, ...DENY)],
  ['clippy engine', () => cargo('clippy', ...ENGINE, '--all-targets', ...DENY)],
  ['rust tests', checkRust],
  [
    'rustdoc',
    () =>
      run('cargo', ['doc', ...ENGINE, '--no-deps', '--document-private-items'], {
        env: { RUSTDOCFLAGS: '-D warnings -A rustdoc::private_intra_doc_links' },
      }),
  ],
  ['build', () => run(process.execPath, [join('scripts', 'build.mjs')])],
  ['generated files', checkDrift, 'build'],
  ['second build', checkSecondBuild, 'build'],
  ['tsc tests', () => node('typescript/bin/tsc', ['-p', 'tsconfig.test.json']), 'build'],
  ['pack', async () => void packTarballs(packed), 'build'],
  ['publint', checkPublint, 'pack'],
  ['attw', () => node('@arethetypeswrong/cli/dist/index.js', [rootTarball()]), 'pack'],
  ['jest consumer', () => jestConsumer(), 'pack'],
  ['vitest', () => vitest('vitest'), 'pack'],
];
const otherNode = process.env.AI_EVALS_OTHER_NODE;
if (otherNode) {
  const version = spawnSync(otherNode, ['--version'], { encoding: 'utf8' }).stdout?.trim() || otherNode;
  const filters = ['__test__/lifecycle', '__test__/package'];
  checks.push([`vitest on Node ${version}`, () => vitest('other-node', filters, otherNode), 'pack']);
}

function rootTarball() {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
  return join(packed, `aah-ai-evals-${version}.tgz`);
}

function jestConsumer() {
  const report = join(scratch, 'jest.json');
  const env = { AI_EVALS_TARBALLS: packed };
  return run(process.execPath, [join('scripts', 'jest_consumer.mjs'), report], {
    env,
    count: () => reportedTests(report),
  });
}

function seconds(since) {
  return `${((performance.now() - since) / 1000).toFixed(1)} s`;
}

const only = process.argv.slice(2);
const unknown = only.filter((name) => !checks.some(([known]) => known === name));
if (unknown.length > 0) {
  console.error(`No check is named ${unknown.join(', ')}. There are: ${checks.map(([name]) => name).join(', ')}.`);
  process.exit(2);
}

const total = { passed: 0, failed: 0, skipped: 0 };
const broken = new Set();
const begin = performance.now();
for (const [name, check, needs] of checks) {
  if (only.length > 0 && !only.includes(name)) continue;
  if (needs && broken.has(needs)) {
    broken.add(name);
    total.failed += 1;
    console.log(`not run  ${name}: needs ${needs}`);
    continue;
  }
  const since = performance.now();
  let counts;
  try {
    const result = await check();
    counts = result?.counts ?? { passed: 1, failed: 0 };
    const tests = result?.counts ? `, ${counts.passed} tests` : '';
    console.log(`ok       ${name} (${seconds(since)}${tests})`);
  } catch (error) {
    broken.add(name);
    counts = error instanceof CheckFailed ? error.counts : undefined;
    counts = { ...counts, passed: counts?.passed ?? 0, failed: Math.max(1, counts?.failed ?? 0) };
    console.log(`FAILED   ${name} (${seconds(since)})`);
    console.log(error instanceof CheckFailed ? error.message : error.stack);
  }
  for (const key of Object.keys(total)) total[key] += counts[key] ?? 0;
}
console.log(`\nin ${seconds(begin)}`);
console.log(`${total.passed} passed, ${total.failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ''}`);
process.exit(total.failed > 0 ? 1 : 0);
