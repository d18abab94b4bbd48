import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { libraryName, platformOfTarget } from '../../scripts/platforms.mjs';
import { root } from '../lifecycle/child.js';

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const platforms: string[] = manifest.napi.targets.map(platformOfTarget);

// npm for the rehearsal: packs for real, and keeps a list of what is published in a file.
const NPM = `#!/usr/bin/env node
const { spawnSync } = require('node:child_process');
const { appendFileSync, existsSync, readFileSync } = require('node:fs');
const [command, ...args] = process.argv.slice(2);
const registry = process.env.REHEARSAL + '/registry.txt';
const said = existsSync(registry) ? readFileSync(registry, 'utf8') : '';
if (command === 'view') {
  if (said.includes(args[0] + ' ')) console.log(args[0].split('@').at(-1));
} else if (command === 'publish') {
  const { name, version } = JSON.parse(spawnSync('tar', ['xOzf', args[0], 'package/package.json'], { encoding: 'utf8' }).stdout);
  if (process.env.FAILS_AT === name) process.exit(1);
  appendFileSync(registry, name + '@' + version + ' ' + args.slice(1).join(' ') + '\\n');
} else {
  const path = process.env.PATH.split(require('node:path').delimiter).slice(1).join(require('node:path').delimiter);
  process.exit(spawnSync('npm', [command, ...args], { stdio: 'inherit', env: { ...process.env, PATH: path } }).status);
}`;

let home: string;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'ai-evals-rehearsal-'));
  for (const part of ['scripts', 'npm', 'dist', 'datasets', 'package.json', 'index.d.ts', 'README.md', 'LICENSE']) {
    cpSync(join(root, part), join(home, part), { recursive: true, filter: (file) => !file.endsWith('.node') });
  }
  cpSync(join(root, 'CHANGELOG.md'), join(home, 'CHANGELOG.md'));
  for (const platform of platforms) writeFileSync(join(home, 'npm', platform, libraryName(manifest, platform)), 'x');
  mkdirSync(join(home, 'bin'));
  writeFileSync(join(home, 'bin', 'npm'), NPM);
  chmodSync(join(home, 'bin', 'npm'), 0o755);
  mkdirSync(join(home, 'tmp'));
});

afterEach(() => rmSync(home, { recursive: true, force: true }));

function publish(env: NodeJS.ProcessEnv = {}) {
  const path = `${join(home, 'bin')}${delimiter}${process.env.PATH}`;
  return spawnSync(process.execPath, [join(home, 'scripts', 'publish.mjs')], {
    encoding: 'utf8',
    env: { ...process.env, PATH: path, REHEARSAL: home, TMPDIR: join(home, 'tmp'), ...env },
  });
}

function published(): string[] {
  const registry = join(home, 'registry.txt');
  return existsSync(registry) ? readFileSync(registry, 'utf8').trimEnd().split('\n') : [];
}

const all = [...platforms.map((platform) => `${manifest.name}-${platform}`), manifest.name].map(
  (name) => `${name}@${manifest.version}`,
);
const names = () => published().map((line) => line.split(' ')[0]);

describe('a release', () => {
  test('publishes the platform packages, then the root, with provenance', () => {
    const { status, stderr } = publish();
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(names()).toEqual(all);
    for (const line of published()) expect(line).toContain('--access public --provenance --tag latest');
    expect(readdirSync(join(home, 'tmp'))).toEqual([]);
  });

  test('that broke off goes on where it stopped', () => {
    expect(publish({ FAILS_AT: `${manifest.name}-${platforms[3]}` }).status).toBe(1);
    expect(names()).toEqual(all.slice(0, 3));
    expect(publish().status).toBe(0);
    expect(names()).toEqual(all);
  });

  test('of a prerelease never becomes latest', () => {
    const version = '9.0.0-rc.1';
    for (const folder of ['.', ...platforms.map((platform) => join('npm', platform))]) {
      const file = join(home, folder, 'package.json');
      writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), version }));
    }
    expect(publish().status).toBe(0);
    expect(published()).toHaveLength(9);
    for (const line of published()) expect(line).toMatch(/--tag next$/);
  });

  test('publishes nothing while a platform has no library', () => {
    rmSync(join(home, 'npm', platforms[5] as string, libraryName(manifest, platforms[5] as string)));
    const { status, stderr } = publish();
    expect(status).toBe(1);
    expect(stderr).toContain(platforms[5]);
    expect(published()).toEqual([]);
  });
});
