// Completes package-lock.json after `npm install`.
//
// npm leaves an optional platform package (say `@biomejs/cli-darwin-arm64`) out of the lock file when the registry in
// use does not serve it, and `npm ci` then refuses the lock file everywhere. This adds what is missing: the exact
// version its parent asks for, and the platform its name tells (system, processor and C library), so that `npm ci` skips
// it on other platforms without asking the registry.
import { readFileSync, writeFileSync } from 'node:fs';

const OS = ['android', 'darwin', 'freebsd', 'linux', 'netbsd', 'openbsd', 'openharmony', 'sunos', 'aix', 'win32'];
const CPU = ['arm64', 'x64', 'ia32', 'arm', 'ppc64', 'riscv64', 's390x', 'loong64', 'mips64el', 'wasm32'];

const path = new URL('../package-lock.json', import.meta.url);
const lock = JSON.parse(readFileSync(path, 'utf8'));

const LIBC = { musl: /^musl/, glibc: /^gnu|^glibc/ };

/** The C libraries that the words of a Linux package's name tell. */
function libcOf(words) {
  return Object.keys(LIBC).filter((libc) => words.some((word) => LIBC[libc].test(word)));
}

/** The lock key that `name` resolves to from the package at `from`, or undefined. */
function resolve(from, name) {
  for (let at = from; ; at = at.slice(0, Math.max(0, at.lastIndexOf('node_modules/') - 1))) {
    const key = `${at ? `${at}/` : ''}node_modules/${name}`;
    if (lock.packages[key]) return key;
    if (at === '') return undefined;
  }
}

let added = 0;
for (const [from, entry] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const key = resolve(from, name);
    // What npm wrote itself has an integrity; entries of ours are written anew.
    if (key && lock.packages[key].integrity) continue;
    const words = name.split(/[/-]/);
    const os = OS.filter((word) => words.includes(word));
    const cpu = CPU.filter((word) => words.includes(word) || (word === 'arm' && /-arm-|armv7/.test(name)));
    if (os.length + cpu.length === 0) throw new Error(`${name} (optional, of ${from}): its name tells no platform`);
    const libc = os.includes('linux') ? libcOf(words) : [];
    lock.packages[key ?? `node_modules/${name}`] = {
      version: version.replace(/^[^\d]*/, ''),
      ...(cpu.length > 0 && { cpu }),
      ...(entry.dev && { dev: true }),
      ...(libc.length > 0 && { libc }),
      optional: true,
      ...(os.length > 0 && { os }),
    };
    added += 1;
  }
}
const [root, ...rest] = Object.keys(lock.packages).sort();
lock.packages = Object.fromEntries([root, ...rest].map((key) => [key, lock.packages[key]]));
writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
console.log(`package-lock.json: ${added} platform packages completed`);
