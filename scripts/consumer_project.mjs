// A project outside the repository that has installed the packed tarballs, as a user's would.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NPM_ENV, tarballs } from './pack.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const RUST = ['cargo', 'rustc', 'cargo.exe', 'rustc.exe'];

/** The environment of this process with every folder that holds a Rust toolchain taken off PATH. */
export function withoutRust() {
  const holdsRust = (folder) => {
    try {
      return readdirSync(folder).some((file) => RUST.includes(file));
    } catch {
      return false;
    }
  };
  const path = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder && !holdsRust(folder));
  const { AI_EVALS_TARBALLS: _, NAPI_RS_NATIVE_LIBRARY_PATH: __, ...env } = process.env;
  return { ...env, ...NPM_ENV, PATH: path.join(delimiter) };
}

/**
 * Copies `__test__/consumers/NAME` to a temporary folder, installs both tarballs there with npm and links `tools` (what
 * the project needs besides: Jest, TypeScript) from the repository's node_modules. No network: `--offline` makes npm
 * pass over the platform packages it cannot get, as it does for other platforms.
 */
export function consumerProject(name, tools = []) {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), `ai-evals-${name}-`)));
  const remove = () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  try {
    const packed = tarballs(join(folder, '.tarballs'));
    cpSync(join(root, '__test__', 'consumers', name), folder, { recursive: true });
    writeFileSync(join(folder, 'package.json'), `${JSON.stringify({ name: `consumer-${name}`, private: true })}\n`);
    const flags = ['--offline', '--no-audit', '--no-fund', '--cache', join(folder, '.npm')];
    const shell = process.platform === 'win32';
    const options = { cwd: folder, encoding: 'utf8', env: withoutRust(), shell };
    const npm = spawnSync('npm', ['install', packed.root, packed.platform, ...flags], options);
    if (npm.status !== 0) throw new Error(`npm install of the tarballs failed:\n${npm.stdout}${npm.stderr}`);
    for (const tool of tools) {
      const link = join(folder, 'node_modules', tool);
      mkdirSync(dirname(link), { recursive: true });
      symlinkSync(join(root, 'node_modules', tool), link, 'junction');
    }
    return { folder, packed, remove };
  } catch (error) {
    remove();
    throw error;
  }
}
