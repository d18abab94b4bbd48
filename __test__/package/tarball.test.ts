import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { consumerProject, withoutRust } from '../../scripts/consumer_project.mjs';
import { packedManifest } from '../../scripts/pack.mjs';
import { libraryName, platformHere, platformPackages } from '../../scripts/platforms.mjs';
import { root } from '../lifecycle/child.js';

type Json = Record<string, unknown>;
const readJson = (path: string) => JSON.parse(readFileSync(path, 'utf8')) as Json;

const before = readFileSync(join(root, 'package.json'), 'utf8');
const manifest = readJson(join(root, 'package.json'));
const platform = platformHere();
const MEGABYTE = 1e6;

let project: ReturnType<typeof consumerProject>;
let installed: string;
let library: string;

beforeAll(() => {
  project = consumerProject('packed', ['typescript', '@types/node', 'undici-types']);
  installed = join(project.folder, 'node_modules/@aah/ai-evals');
  library = join(project.folder, 'node_modules', `@aah/ai-evals-${platform}`);
}, 600_000);

afterAll(() => project?.remove());

function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}

describe('the root tarball', () => {
  test('has the facade, its typings and the documents, and nothing else', () => {
    const kinds = filesOf(installed).filter(
      (file) => !/^dist\/[\w-]+\.(js|mjs|cjs|d\.ts|d\.mts)$|^dist\/third-party-licenses\.txt$|^datasets\//.test(file),
    );
    expect(kinds).toEqual(['CHANGELOG.md', 'LICENSE', 'README.md', 'index.d.ts', 'package.json']);
  });

  test('has every file that its manifest points at', () => {
    const { main, module, types, bin, exports } = manifest as { [key: string]: unknown };
    const leaves = (value: unknown): string[] =>
      typeof value === 'string' ? [value] : Object.values((value ?? {}) as object).flatMap(leaves);
    for (const file of leaves([main, module, types, bin, exports])) {
      expect(existsSync(join(installed, file)), file).toBe(true);
    }
  });

  test('asks for every platform package at its own version, and for nothing else', () => {
    const packed = readJson(join(installed, 'package.json'));
    expect(packed.optionalDependencies).toEqual(
      Object.fromEntries(
        ['linux-x64-gnu', 'linux-arm64-gnu', 'linux-x64-musl', 'linux-arm64-musl']
          .concat(['darwin-x64', 'darwin-arm64', 'win32-x64-msvc', 'win32-arm64-msvc'])
          .map((name) => [`@aah/ai-evals-${name}`, manifest.version]),
      ),
    );
    expect(packed.dependencies ?? {}).toEqual(manifest.dependencies ?? {});
    expect(packed).not.toHaveProperty('devDependencies');
    expect(packed).not.toHaveProperty('scripts');
    expect(packed).toMatchObject({ name: manifest.name, version: manifest.version, exports: manifest.exports });
  });

  test('runs no script when it is installed', () => {
    expect(JSON.stringify(readJson(join(installed, 'package.json')))).not.toMatch(/install|gyp/);
  });
});

describe('the platform tarball', () => {
  test('has the library, and says where it runs', () => {
    expect(filesOf(library)).toEqual(['LICENSE', 'README.md', libraryName(manifest, platform), 'package.json']);
    expect(readJson(join(library, 'package.json'))).toMatchObject({
      name: `@aah/ai-evals-${platform}`,
      version: manifest.version,
      license: 'MIT',
      engines: manifest.engines,
      os: [process.platform],
      cpu: [process.arch],
    });
  });

  test('is a release build: stripped, and small', () => {
    const binary = readFileSync(join(library, libraryName(manifest, platform)));
    expect(binary.includes('.symtab')).toBe(false);
    // The result store's drivers and TLS take 4 MB of it.
    expect(binary.length).toBeLessThan(14 * MEGABYTE);
  });

  test('weighs less than 15.5 MB together with the root package', () => {
    const sizes = [
      ...filesOf(installed).map((f) => join(installed, f)),
      ...filesOf(library).map((f) => join(library, f)),
    ];
    expect(sizes.reduce((sum, file) => sum + statSync(file).size, 0)).toBeLessThan(15.5 * MEGABYTE);
  });
});

test('there is a package for each target of the CI matrix, and its folder says the same', () => {
  const names = platformPackages(manifest);
  expect(new Set(names).size).toBe(8);
  for (const name of names) {
    const described = readJson(join(root, 'npm', name.replace('@aah/ai-evals-', ''), 'package.json'));
    expect(described).toMatchObject({ name, version: manifest.version });
  }
});

describe('packing', () => {
  test('leaves the repository’s package.json as it was', () => {
    expect(readFileSync(join(root, 'package.json'), 'utf8')).toBe(before);
    expect(packedManifest(manifest)).not.toEqual(manifest);
  });

  test.each(['pack', 'publish'])(
    'refuses `npm %s` of the folder, which would leave out the platform packages',
    (command) => {
      const { status, stderr } = spawnSync('npm', [command, '--dry-run'], { cwd: root, encoding: 'utf8' });
      expect(status).not.toBe(0);
      expect(stderr).toContain('node scripts/pack.mjs');
    },
  );
});

describe('a project that installed both tarballs, with no Rust on PATH', () => {
  const used = {
    one: true,
    middleware: ['specificationVersion', 'wrapGenerate', 'wrapStream'],
    cached: { answer: 42 },
    results: [
      ['x', 'x'],
      ['y', 'y'],
      ['z', 'z'],
    ],
  };

  function run(command: string, args: string[]): string {
    const { status, stdout, stderr } = spawnSync(command, args, {
      cwd: project.folder,
      encoding: 'utf8',
      env: withoutRust(),
    });
    expect({ status, stderr, stdout: status === 0 ? '' : stdout }).toEqual({ status: 0, stderr: '', stdout: '' });
    return stdout;
  }

  test('really has no Rust, and no way back into the repository', () => {
    expect(spawnSync('cargo', ['--version'], { env: withoutRust() }).error).toMatchObject({ code: 'ENOENT' });
    expect(realpathSync(installed).startsWith(root)).toBe(false);
    expect(realpathSync(library).startsWith(root)).toBe(false);
  });

  test('uses it from CommonJS', () => {
    expect(JSON.parse(run(process.execPath, ['commonjs.cjs']))).toEqual({ ...used, version: manifest.version });
  });

  test('uses it from an ES module, with the same classes', () => {
    expect(JSON.parse(run(process.execPath, ['module.mjs']))).toEqual({ ...used, names: true });
  });

  const strict = [
    '--strict',
    '--isolatedModules',
    '--exactOptionalPropertyTypes',
    '--types',
    'node',
    '--pretty',
    'false',
  ];
  const tsc = (...args: string[]) => run(process.execPath, ['node_modules/typescript/bin/tsc', ...strict, ...args]);

  test('uses it from TypeScript under nodenext, in both module formats', () => {
    tsc('--module', 'nodenext', '--target', 'es2022', '--outDir', 'out', 'typed.mts', 'typed.cts');
    const shown = { value: 42, entries: 0, actual: 'x' };
    expect(JSON.parse(run(process.execPath, ['out/typed.mjs']))).toEqual(shown);
    expect(JSON.parse(run(process.execPath, ['out/typed.cjs']))).toEqual(shown);
  }, 180_000);

  test('uses it from TypeScript under bundler resolution', () => {
    tsc('--module', 'esnext', '--moduleResolution', 'bundler', '--target', 'es2022', '--noEmit', 'typed.mts');
  }, 180_000);

  test('has the command `ai-evals`', () => {
    const bin = join(project.folder, 'node_modules/.bin/ai-evals');
    expect(run(bin, ['--version']).trim()).toBe(manifest.version);
  });
});
