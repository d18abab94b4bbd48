/** A small file system of its own, for tests of full and read-only disks. Needs the right to mount (root on Linux). */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Mounted {
  path: string;
  makeReadOnly(): void;
  unmount(): void;
}

function run(command: string, ...args: string[]): void {
  execFileSync(command, args, { stdio: 'ignore' });
}

/** Mounts `bytes` of memory as a disk. */
export function mount(bytes: number): Mounted {
  const path = mkdtempSync(join(tmpdir(), 'ai-evals-disk-'));
  run('mount', '-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', path);
  return {
    path,
    makeReadOnly: () => run('mount', '-o', 'remount,ro', path),
    unmount: () => {
      run('umount', '-l', path);
      rmdirSync(path);
    },
  };
}

/** Whether this process may mount. */
export function canMount(): boolean {
  try {
    mount(1 << 20).unmount();
    return true;
  } catch {
    return false;
  }
}
