import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { platformHere } from '../../scripts/platforms.mjs';
import { root, runChild } from './child.js';

const platform: string = platformHere();
const name = `@aah/ai-evals-${platform}`;
const library = `ai-evals.${platform}.node`;
const built = join(root, 'dist', library);
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };

let home: string;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'ai-evals-load-'));
  cpSync(join(root, 'package.json'), join(home, 'node_modules/@aah/ai-evals/package.json'));
  cpSync(join(root, 'dist'), join(home, 'node_modules/@aah/ai-evals/dist'), {
    recursive: true,
    filter: (file) => !file.endsWith('.node'),
  });
});

afterEach(() => rmSync(home, { recursive: true, force: true }));

/** Installs the platform package; its library is a copy of `file`, or has `content`, or is not there at all. */
function installPlatformPackage(library_: { file: string } | { content: string | Buffer } | 'no library') {
  const folder = join(home, 'node_modules', name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name, version, main: library }));
  if (library_ !== 'no library') put(join(folder, library), library_);
}

/** A local build, as in a checkout: the library beside the loader. */
function buildLocally(library_: { file: string } | { content: string | Buffer }) {
  put(join(home, 'node_modules/@aah/ai-evals/dist', library), library_);
}

function put(path: string, library_: { file: string } | { content: string | Buffer }) {
  if ('file' in library_) cpSync(library_.file, path);
  else writeFileSync(path, library_.content);
}

/** Loads the package in a child: the path of the library it loaded, or the error's name, code and message. */
async function load(env: NodeJS.ProcessEnv = {}, before = '') {
  const source = `${before}
    try {
      const { LRUCache } = require('@aah/ai-evals');
      new LRUCache().set('a', 1);
      console.log(JSON.stringify({ loaded: Object.keys(require.cache).find((file) => file.endsWith('.node')) }));
    } catch ({ name, code, message }) {
      console.log(JSON.stringify({ name, code, message }));
    }`;
  const { code, stdout, stderr } = await runChild(source, { cwd: home, env });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout) as { loaded?: string; name?: string; code?: string; message: string };
}

describe('the native library comes from', () => {
  test('the platform package when it is installed', async () => {
    installPlatformPackage({ file: built });
    expect((await load()).loaded).toBe(join(home, 'node_modules', name, library));
  });

  test('a local build when there is no platform package', async () => {
    buildLocally({ file: built });
    expect((await load()).loaded).toBe(join(home, 'node_modules/@aah/ai-evals/dist', library));
  });

  test('the platform package, when there is a local build too', async () => {
    installPlatformPackage({ file: built });
    buildLocally({ file: built });
    expect((await load()).loaded).toBe(join(home, 'node_modules', name, library));
  });

  test('a local build, when the platform package is broken', async () => {
    installPlatformPackage({ content: 'not a library' });
    buildLocally({ file: built });
    expect((await load()).loaded).toBe(join(home, 'node_modules/@aah/ai-evals/dist', library));
  });

  test('NAPI_RS_NATIVE_LIBRARY_PATH before anything else', async () => {
    installPlatformPackage({ content: 'not a library' });
    const elsewhere = join(home, 'elsewhere.node');
    cpSync(built, elsewhere);
    expect((await load({ NAPI_RS_NATIVE_LIBRARY_PATH: elsewhere })).loaded).toBe(elsewhere);
  });
});

describe('a load failure', () => {
  test('names the missing package, the reason and what to run', async () => {
    const { name: errorName, code, message } = await load();
    expect({ errorName, code }).toEqual({ errorName: 'NativeLoadError', code: 'ERR_NATIVE_LOAD' });
    expect(message).toContain(`Missing package: ${name}@${version}`);
    expect(message).toContain(`Reason: Cannot find module '`);
    expect(message).toContain(`npm install ${name}@${version}`);
    expect(message).toContain('npm run build');
    expect(message).not.toContain('wasm');
  });

  test('says so when the package is there without its library', async () => {
    installPlatformPackage('no library');
    const { message } = await load();
    expect(message).toContain(join(name, library));
    expect(message).toContain('What to do:');
  });

  test('gives the reason of the system for a file that is no library', async () => {
    installPlatformPackage({
      content: 'this is a text file, and long enough to have a header of sixty-four bytes at least',
    });
    const { code, message } = await load();
    expect(code).toBe('ERR_NATIVE_LOAD');
    expect(message).toMatch(/Reason: .*invalid ELF header/);
    expect(message).not.toContain('Missing package');
    expect(message).toContain('npm ci');
  });

  test('gives the reason for a library of another architecture', async () => {
    const foreign = readFileSync(built);
    foreign.writeUInt16LE(process.arch === 'arm64' ? 0x3e : 0xb7, 18); // e_machine of the ELF header
    installPlatformPackage({ content: foreign });
    const { code, message } = await load();
    expect(code).toBe('ERR_NATIVE_LOAD');
    expect(message).toContain(`Reason: ${join(home, 'node_modules', name, library)}: `);
  });

  test('gives the innermost reason for a library with a missing symbol', async () => {
    installPlatformPackage({ file: compile('extern int not_there; int *use = &not_there;') });
    const { message } = await load();
    expect(message).toMatch(/Reason: .*undefined symbol: not_there/);
  });

  test('gives the reason for a library that is no addon', async () => {
    installPlatformPackage({ file: compile('int x;') });
    const { message } = await load();
    expect(message).toMatch(/Reason: Module did not self-register/);
  });

  test('names the missing package and the reason of a local build that is broken', async () => {
    buildLocally({ content: 'this is a text file, and long enough to have a header of sixty-four bytes at least' });
    const { message } = await load();
    expect(message).toContain(`Missing package: ${name}`);
    expect(message).toMatch(/Reason: .*invalid ELF header/);
  });

  test('explains a NAPI_RS_NATIVE_LIBRARY_PATH that leads nowhere', async () => {
    installPlatformPackage({ file: built });
    const { code, message } = await load({ NAPI_RS_NATIVE_LIBRARY_PATH: '/nowhere/lib.node' });
    expect(code).toBe('ERR_NATIVE_LOAD');
    expect(message).toContain("Reason: Cannot find module '/nowhere/lib.node'");
    expect(message).toContain('NAPI_RS_NATIVE_LIBRARY_PATH is set to /nowhere/lib.node; unset it');
  });

  test('tells both versions when they differ', async () => {
    installPlatformPackage({ file: built });
    const manifest = join(home, 'node_modules/@aah/ai-evals/package.json');
    writeFileSync(manifest, JSON.stringify({ ...JSON.parse(readFileSync(manifest, 'utf8')), version: '9.9.9' }));
    const { code, message } = await load();
    expect(code).toBe('ERR_NATIVE_LOAD');
    expect(message).toContain(`@aah/ai-evals 9.9.9 found a native library of version ${version}`);
    expect(message).toContain('npm install @aah/ai-evals@9.9.9');
  });

  test('says so on a system that is not supported', async () => {
    const { message } = await load({}, `Object.defineProperty(process, 'platform', { value: 'plan9' });`);
    expect(message).toContain('Unsupported OS: plan9');
    expect(message).toContain('npm run build');
  });
});

/** Compiles C to a shared library; the linker that Rust needs brings the compiler. */
function compile(source: string): string {
  const c = join(home, 'library.c');
  const out = join(home, 'library.so');
  writeFileSync(c, source);
  execFileSync('cc', ['-shared', '-fPIC', '-o', out, c]);
  return out;
}

test('no platform package of this repository stands above the temporary folder', () => {
  for (let folder = tmpdir(); ; folder = dirname(folder)) {
    const found = existsSync(join(folder, 'node_modules/@aah')) ? readdirSync(join(folder, 'node_modules/@aah')) : [];
    expect(found).toEqual([]);
    if (folder === dirname(folder)) break;
  }
});
