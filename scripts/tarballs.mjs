// Packs what is published: the root package and the package of this platform, with `npm pack` as a release does it.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { platformHere } from './platforms.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** The environment of npm commands that need no network and must say nothing but what was asked. */
export const NPM_ENV = { npm_config_loglevel: 'error', npm_config_update_notifier: 'false' };

function pack(folder, destination) {
  mkdirSync(destination, { recursive: true });
  const args = ['pack', '--json', '--pack-destination', destination];
  const shell = process.platform === 'win32';
  const env = { ...process.env, ...NPM_ENV };
  const { status, stdout, stderr } = spawnSync('npm', args, { cwd: folder, encoding: 'utf8', env, shell });
  if (status !== 0) throw new Error(`npm pack in ${folder} failed:\n${stdout}${stderr}`);
  const { name, version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  return join(destination, `${name.replace('@', '').replace('/', '-')}-${version}.tgz`);
}

/** Packs both into `destination` and returns their paths. The root first: its `prepack` builds what is missing. */
export function packTarballs(destination) {
  const rootTarball = pack(root, destination);
  return { root: rootTarball, platform: pack(join(root, 'npm', platformHere()), destination) };
}

/**
 * Both tarballs: those that `npm test` has packed (`AI_EVALS_TARBALLS`, a folder), else freshly packed ones in
 * `destination`.
 */
export function tarballs(destination) {
  const packed = process.env.AI_EVALS_TARBALLS;
  if (!packed) return packTarballs(destination);
  const { name, version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const base = name.replace('@', '').replace('/', '-');
  return {
    root: join(packed, `${base}-${version}.tgz`),
    platform: join(packed, `${base}-${platformHere()}-${version}.tgz`),
  };
}
