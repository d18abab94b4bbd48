import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { root } from '../lifecycle/child.js';

const text = (file: string) => readFileSync(join(root, file), 'utf8');
const manifest = JSON.parse(text('package.json')) as Record<string, Record<string, string> | undefined>;

function sources(place: string): string[] {
  if (place.endsWith('.rs')) return [readFileSync(place, 'utf8')];
  const files = readdirSync(place, { recursive: true, withFileTypes: true }).filter(({ name }) => name.endsWith('.rs'));
  return files.map(({ parentPath, name }) => readFileSync(join(parentPath, name), 'utf8'));
}

function crates(): string[] {
  const sections = text('Cargo.toml').split(/^(?=\[)/m);
  const dependencies = sections.filter((section) => /^\[(target\..*\.)?(dev-|build-)?dependencies\]/.test(section));
  const tables = sections.map((section) => /^\[(?:dev-|build-)?dependencies\.([\w-]+)\]/.exec(section)?.[1]);
  const lines = dependencies.flatMap((section) =>
    [...section.matchAll(/^([\w-]+)(?=\s*=|\.)/gm)].map(([, name]) => name),
  );
  return [...lines, ...tables].filter((name) => name !== undefined);
}

test('docs/dependencies.md has one line with a reason for each crate and npm package, and no other', () => {
  const packages = ['dependencies', 'devDependencies', 'optionalDependencies', 'peerDependencies']
    .flatMap((kind) => Object.keys(manifest[kind] ?? {}))
    .concat(crates());
  const rows = [...text('docs/dependencies.md').matchAll(/^\| `([^`]+)` \| (.*) \|$/gm)];
  expect(rows.map(([, name]) => name).sort()).toEqual([...new Set(packages)].sort());
  for (const [, name, why] of rows) expect(why?.length, `the reason for ${name}`).toBeGreaterThan(20);
});

test('each crate is used', () => {
  const places = ['src', 'benches', 'build.rs'].map((place) => join(root, place)).filter((place) => existsSync(place));
  const rust = places.flatMap(sources);
  const unused = crates().filter((name) => !rust.some((source) => source.includes(name.replaceAll('-', '_'))));
  expect(unused).toEqual([]);
});

test('the two lists are found at all', () => {
  expect(crates()).toContain('napi');
  expect(Object.keys(manifest.devDependencies ?? {})).toContain('typescript');
});

test('npm packages have exact versions, so that a clone builds tomorrow as it does today', () => {
  const versions = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies });
  expect(versions.filter(([, version]) => !/^(npm:[\w@/-]+@)?\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))).toEqual([]);
});

test('the crate and the npm package have one version', () => {
  expect(/^version = "(.*)"$/m.exec(text('Cargo.toml'))?.[1]).toBe(manifest.version);
});
