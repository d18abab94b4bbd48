// The package.json that is packed: `prepack` builds what is missing and writes it, `postpack` (`--restore`) undoes that.
//
// Packed, the manifest asks for all platform packages at its own version (`optionalDependencies`) and leaves out what
// only a checkout needs. They cannot stand in the repository's package.json: `npm ci` there would look for packages that
// are not published yet. A pack that was interrupted is undone by the next pack, build or `npm run postpack`.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { platformPackages } from './platforms.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const path = join(root, 'package.json');
const backup = join(root, '.tmp', 'package.json.unpacked');

/** What the tarball's package.json says. */
export function packedManifest(manifest) {
  const { devDependencies: _, scripts: __, napi: ___, ...rest } = manifest;
  const platforms = platformPackages(manifest).map((name) => [name, manifest.version]);
  return { ...rest, optionalDependencies: { ...manifest.optionalDependencies, ...Object.fromEntries(platforms) } };
}

/** Written beside and renamed, so that no reader ever sees half a file. */
function replaceFile(file, text) {
  writeFileSync(`${file}.new`, text);
  renameSync(`${file}.new`, file);
}

/** Puts the repository's own package.json back. With `olderThan` only if the pack began that many ms ago: it has died. */
export function restoreManifest({ olderThan = 0 } = {}) {
  if (!existsSync(backup) || Date.now() - statSync(backup).mtimeMs < olderThan) return;
  replaceFile(path, readFileSync(backup, 'utf8'));
  rmSync(backup);
}

function writePackedManifest() {
  restoreManifest();
  const text = readFileSync(path, 'utf8');
  mkdirSync(dirname(backup), { recursive: true });
  replaceFile(backup, text);
  replaceFile(path, `${JSON.stringify(packedManifest(JSON.parse(text)), null, 2)}\n`);
}

function main() {
  if (process.argv.includes('--restore')) {
    restoreManifest();
    return;
  }
  if (process.env.npm_command === 'publish') {
    // npm reads the manifest it registers after postpack, when the platform packages are gone from it again.
    console.error('Publish the tarball, not the folder: `npm pack && npm publish ./aah-ai-evals-VERSION.tgz`.');
    process.exit(1);
  }
  restoreManifest();
  const { status } = spawnSync(process.execPath, [join(root, 'scripts', 'build.mjs'), '--quiet'], { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
  writePackedManifest();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
