/** Child processes for tests of what the package does to a process. */
import { spawn } from 'node:child_process';

export interface Finished {
  /** Exit code, or null when the child was still running after `timeout` and was killed. */
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface ChildOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** 'commonjs' unless the source is an ES module. */
  type?: 'commonjs' | 'module';
  /** Milliseconds until a child that keeps running is killed. */
  timeout?: number;
  /** For Node itself. */
  flags?: string[];
  /** For the program: `process.argv[1]` and on. */
  args?: string[];
}

/** What would change what a child prints or loads. */
const { RUST_BACKTRACE: _, NAPI_RS_NATIVE_LIBRARY_PATH: __, NODE_OPTIONS: ___, ...CLEAN_ENV } = process.env;

export const root = new URL('../..', import.meta.url).pathname;

/** Runs `source` in a new Node process, in the repository unless `cwd` says otherwise. */
export function runChild(source: string, options: ChildOptions = {}): Promise<Finished> {
  const { cwd = root, env = {}, type = 'commonjs', timeout = 20_000, flags = [], args = [] } = options;
  const child = spawn(process.execPath, [...flags, `--input-type=${type}`, '--eval', source, '--', ...args], {
    cwd,
    env: { ...CLEAN_ENV, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout,
    killSignal: 'SIGKILL',
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (data) => {
    stdout += data;
  });
  child.stderr.on('data', (data) => {
    stderr += data;
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
}
