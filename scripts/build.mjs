// `npm run build`: the addon, the facade (CommonJS bundles with ES module re-exports) and the public typings.
//
//   --debug           the addon in cargo's dev profile: quick to compile, for work on the engine
//   --quiet           print what is built, and the rest only when something fails
//   --target TRIPLE   the addon for another platform (CI); arguments after `--` go to `napi build`
//
// Every step is skipped when nothing it reads has changed, so a second build takes a second or two. The addon lands in
// `dist/` (a local build, found by the loader) and, if it is a release build, in `npm/PLATFORM/` (what is published).
// `.facade/` holds the facade's modules one by one, for the tests of what is not exported.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { bundleFacade } from './bundle.mjs';
import { writeEntryPoints } from './entry_points.mjs';
import { prebuiltFirst } from './loader_order.mjs';
import { libraryName, platformHere, platformOfTarget } from './platforms.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { values, positionals: forNapi } = parseArgs({
  options: { debug: { type: 'boolean' }, quiet: { type: 'boolean' }, target: { type: 'string' } },
  allowPositionals: true,
});
const { debug = false, quiet = false, target } = values;
process.chdir(root);

const manifest = JSON.parse(readFileSync('package.json', 'utf8'));
const say = (text) => quiet || console.log(text);

function run(command, args) {
  const { status, stdout, stderr } = spawnSync(command, args, {
    stdio: quiet ? ['ignore', 'pipe', 'pipe'] : 'inherit',
    encoding: 'utf8',
  });
  if (status === 0) return;
  if (quiet) console.error(stdout + stderr);
  process.exit(status ?? 1);
}

function filesUnder(dir) {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

function digest(files) {
  const hash = createHash('sha256').update(identity);
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
  if (quiet) console.error(`building the ${name}; done once, the next start takes a second`);
  await step();
  mkdirSync('.tmp', { recursive: true });
  writeFileSync(stampFile, stamp());
  say(`${name}: built in ${((performance.now() - start) / 1000).toFixed(1)} s`);
}

const platform = target ? platformOfTarget(target) : platformHere();
const library = libraryName(manifest, platform);

function buildAddon() {
  if (spawnSync('cargo', ['--version'], { stdio: 'ignore' }).error) {
    console.error(
      'build: `cargo` was not found. The addon needs a Rust toolchain: https://rustup.rs, then run this again.',
    );
    process.exit(1);
  }
  const napi = join('node_modules', '@napi-rs', 'cli', 'dist', 'cli.js');
  const profile = debug ? [] : ['--release'];
  const output = ['--output-dir', 'ts', '--js', 'binding.cjs', '--dts', 'binding.d.cts', '--no-const-enum'];
  const cross = target ? ['--target', target, ...forNapi] : forNapi;
  run(process.execPath, [napi, 'build', '--platform', ...profile, ...output, ...cross]);
  mkdirSync('dist', { recursive: true });
  rmSync(join('dist', library), { force: true });
  cpSync(join('ts', library), join('dist', library));
  if (!debug) {
    run(process.execPath, [napi, 'create-npm-dirs']);
    cpSync(join('ts', library), join('npm', platform, library));
    for (const folder of readdirSync('npm')) cpSync('LICENSE', join('npm', folder, 'LICENSE'));
  }
  rmSync(join('ts', library));
}

async function buildFacade() {
  for (const entry of existsSync('dist') ? readdirSync('dist') : []) {
    if (!entry.endsWith('.node')) rmSync(join('dist', entry), { recursive: true });
  }
  rmSync('.facade', { recursive: true, force: true });
  run(process.execPath, [join('node_modules', 'typescript', 'bin', 'tsc'), '-p', 'tsconfig.json']);
  writeFileSync(join('dist', 'binding.cjs'), prebuiltFirst(readFileSync(join('ts', 'binding.cjs'), 'utf8')));
  // The modules one by one are for the tests of what is not exported; they share the addon of `dist/`.
  writeFileSync(join('.facade', 'binding.cjs'), "module.exports = require('../dist/binding.cjs');\n");
  await bundleFacade(root, manifest);
  await writeEntryPoints(root, manifest);
}

// What the addon and the facade take from package.json.
const identity = JSON.stringify([manifest.version, manifest.exports, manifest.bin, manifest.license]);
const FACADE_SCRIPTS = ['build', 'bundle', 'entry_points', 'loader_order'].map((name) =>
  join('scripts', `${name}.mjs`),
);
const published = debug ? [] : [join('npm', platform, library)];

await unlessUnchanged(
  [debug ? 'addon (debug)' : 'addon', target].filter(Boolean).join(' '),
  () => ['Cargo.toml', 'Cargo.lock', 'build.rs', ...filesUnder('src')],
  [join('dist', library), ...published, join('ts', 'binding.cjs'), join('ts', 'binding.d.cts')],
  buildAddon,
);
await unlessUnchanged(
  'facade',
  () => ['tsconfig.json', ...FACADE_SCRIPTS, ...filesUnder('ts')],
  [join('dist', 'index.js'), join('dist', 'index.mjs'), 'index.d.ts'],
  buildFacade,
);
