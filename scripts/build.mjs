// `npm run build`: the addon, the facade (CommonJS with ES module re-exports) and the public typings.
//
//   --debug   the addon in cargo's dev profile: quick to compile, for work on the engine
//   --quiet   print nothing unless something fails
//
// Every step is skipped when nothing it reads has changed, so a second build takes a second or two.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeEntryPoints } from './entry_points.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const debug = process.argv.includes('--debug');
const quiet = process.argv.includes('--quiet');
process.chdir(root);

const manifest = JSON.parse(readFileSync('package.json', 'utf8'));
const say = (text) => quiet || console.log(text);

function run(command, args) {
  const { status, error, stdout, stderr } = spawnSync(command, args, {
    stdio: quiet ? ['ignore', 'pipe', 'pipe'] : 'inherit',
    encoding: 'utf8',
  });
  if (status === 0) return;
  if (error?.code === 'ENOENT') {
    console.error(`build: \`${command}\` was not found. Install it (a Rust toolchain: rustup) and run again.`);
  } else if (quiet) {
    console.error(stdout + stderr);
  }
  process.exit(status ?? 1);
}

function filesUnder(dir) {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

function digest(files) {
  const hash = createHash('sha256');
  for (const file of files) hash.update(file).update('\0').update(readFileSync(file)).update('\0');
  return hash.digest('hex');
}

/** Runs `step` unless `files` and `outputs` are as it left them. */
async function unlessUnchanged(name, files, outputs, step) {
  const stampFile = join('.tmp', `${name}.stamp`);
  const stamp = () => digest([...files(), ...outputs.filter((file) => existsSync(file))]);
  const complete = outputs.every((file) => existsSync(file));
  if (complete && existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp()) {
    say(`${name}: unchanged`);
    return;
  }
  const start = performance.now();
  await step();
  mkdirSync('.tmp', { recursive: true });
  writeFileSync(stampFile, stamp());
  say(`${name}: built in ${((performance.now() - start) / 1000).toFixed(1)} s`);
}

function platformPackage() {
  const report = process.platform === 'linux' ? process.report.getReport().header : {};
  const abi = { linux: report.glibcVersionRuntime ? 'gnu' : 'musl', win32: 'msvc' }[process.platform];
  return [process.platform, process.arch, abi].filter(Boolean).join('-');
}

const platform = platformPackage();
const library = `${manifest.napi.binaryName}.${platform}.node`;

function buildAddon() {
  const napi = join('node_modules', '.bin', process.platform === 'win32' ? 'napi.cmd' : 'napi');
  const profile = debug ? [] : ['--release'];
  const output = ['--output-dir', 'ts', '--js', 'binding.cjs', '--dts', 'binding.d.cts', '--no-const-enum'];
  run(napi, ['build', '--platform', ...profile, ...output]);
  mkdirSync('dist', { recursive: true });
  rmSync(join('dist', library), { force: true });
  cpSync(join('ts', library), join('dist', library));
  run(napi, ['create-npm-dirs']);
  cpSync(join('ts', library), join('npm', platform, library));
  rmSync(join('ts', library));
}

async function buildFacade() {
  for (const entry of existsSync('dist') ? readdirSync('dist') : []) {
    if (!entry.endsWith('.node')) rmSync(join('dist', entry), { recursive: true });
  }
  rmSync(join('.tmp', 'types'), { recursive: true, force: true });
  run(process.execPath, [join('node_modules', 'typescript', 'bin', 'tsc'), '-p', 'tsconfig.json']);
  cpSync(join('ts', 'binding.cjs'), join('dist', 'binding.cjs'));
  await writeEntryPoints(root, manifest);
}

await unlessUnchanged(
  debug ? 'addon (debug)' : 'addon',
  () => ['Cargo.toml', 'Cargo.lock', 'build.rs', ...filesUnder('src')],
  [join('dist', library), join('npm', platform, library), join('ts', 'binding.cjs'), join('ts', 'binding.d.cts')],
  buildAddon,
);
await unlessUnchanged(
  'facade',
  () => ['package.json', 'tsconfig.json', ...filesUnder('scripts'), ...filesUnder('ts')],
  [join('dist', 'index.js'), join('dist', 'index.mjs'), 'index.d.ts'],
  buildFacade,
);
