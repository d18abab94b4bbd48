// Packs what is published: the root package and the platform packages.
//
//   node scripts/pack.mjs [FOLDER]    the root and this platform's package, into FOLDER (default: here)
//
// The root is packed from a copy in a temporary folder, because its published manifest differs from the repository's: it
// asks for all platform packages at its own version and leaves out what only a checkout needs. The repository's own
// package.json cannot do that: `npm ci` would look for packages that are not published yet. Nothing is rewritten in place, so a
// pack that is interrupted leaves nothing behind but a temporary folder.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { libraryName, platformHere, platformPackages } from './platforms.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** The environment of npm commands that need no network and must say nothing but what was asked. */
export const NPM_ENV = { npm_config_loglevel: 'error', npm_config_update_notifier: 'false' };

const readManifest = (folder) => JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));

/** Returns the package.json of the root tarball. */
export function packedManifest(manifest) {
  const { devDependencies: _, scripts: __, napi: ___, ...rest } = manifest;
  const platforms = platformPackages(manifest).map((name) => [name, manifest.version]);
  return { ...rest, optionalDependencies: { ...manifest.optionalDependencies, ...Object.fromEntries(platforms) } };
}

/** Returns the path of a package's tarball in `folder`, as npm names it. */
function tarballPath({ name, version }, folder) {
  return join(folder, `${name.replace('@', '').replace('/', '-')}-${version}.tgz`);
}

function npmPack(folder, destination) {
  mkdirSync(destination, { recursive: true });
  const tarball = tarballPath(readManifest(folder), resolve(destination));
  // A tarball of before must not pass for this one's.
  rmSync(tarball, { force: true });
  const args = ['pack', '--ignore-scripts', '--pack-destination', resolve(destination)];
  const env = { ...process.env, ...NPM_ENV };
  const { status, stdout, stderr } = spawnSync('npm', args, {
    cwd: folder,
    encoding: 'utf8',
    env,
    shell: process.platform === 'win32',
  });
  if (status !== 0 || !existsSync(tarball)) throw new Error(`npm pack in ${folder} failed:\n${stdout}${stderr}`);
  return tarball;
}

/** Packs the root package, which must be built, into `destination`. Returns the tarball's path. */
export function packRoot(destination) {
  const manifest = readManifest(root);
  const folder = mkdtempSync(join(tmpdir(), 'ai-evals-pack-'));
  try {
    const files = manifest.files.filter((file) => !file.startsWith('!'));
    for (const file of [...files, 'README.md', 'LICENSE']) {
      cpSync(join(root, file), join(folder, file), { recursive: true });
    }
    writeFileSync(join(folder, 'package.json'), `${JSON.stringify(packedManifest(manifest), null, 2)}\n`);
    return npmPack(folder, destination);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Packs the package of `platform`, whose library must be in its folder. Returns the tarball's path. */
export function packPlatform(platform, destination) {
  const folder = join(root, 'npm', platform);
  const library = libraryName(readManifest(root), platform);
  if (!readdirSync(folder).includes(library)) {
    throw new Error(`npm/${platform} has no ${library}: build it with \`npm run build -- --target …\` first.`);
  }
  cpSync(join(root, 'LICENSE'), join(folder, 'LICENSE'));
  return npmPack(folder, destination);
}

/** Packs the root package and this platform's into `destination`. Returns their paths. */
export function packTarballs(destination) {
  return { root: packRoot(destination), platform: packPlatform(platformHere(), destination) };
}

/** Returns both tarballs: those that `npm test` has packed (`AI_EVALS_TARBALLS`, a folder), else fresh ones in `destination`. */
export function tarballs(destination) {
  const packed = process.env.AI_EVALS_TARBALLS;
  if (!packed) return packTarballs(destination);
  const platform = join(root, 'npm', platformHere());
  return { root: tarballPath(readManifest(root), packed), platform: tarballPath(readManifest(platform), packed) };
}

function main([argument = '.']) {
  if (argument === '--refuse') {
    // npm would pack, and register, a manifest without the platform packages.
    console.error('The folder is not what is published. Run `node scripts/pack.mjs` and take its tarballs.');
    process.exit(1);
  }
  const { status } = spawnSync(process.execPath, [join(root, 'scripts', 'build.mjs'), '--quiet'], { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
  for (const tarball of Object.values(packTarballs(argument))) console.log(tarball);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main(process.argv.slice(2));
