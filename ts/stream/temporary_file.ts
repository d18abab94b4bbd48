/** A file that is written beside the one whose name it takes once it is complete. */
import { createHash, randomBytes } from 'node:crypto';
import { readlinkSync, rmSync } from 'node:fs';
import { type FileHandle, open, readdir, rename, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';

/** Temporary files of this thread that have no other name yet. */
const unfinished = new Set<string>();
let removedAtExit = false;

export class TemporaryFile {
  readonly file: FileHandle;
  readonly #path: string;
  readonly #target: string;

  private constructor(path: string, target: string, file: FileHandle) {
    this.#path = path;
    this.#target = target;
    this.file = file;
  }

  /** Makes a temporary file for `target`, and removes those that ended processes left behind for the same target. */
  static async open(target: string): Promise<TemporaryFile> {
    await sweep(target);
    const path = join(dirname(target), `${prefix(target)}${process.pid}-${randomBytes(4).toString('hex')}.tmp`);
    const file = await open(path, 'wx', 0o666);
    unfinished.add(path);
    if (!removedAtExit) process.once('exit', removeUnfinished);
    removedAtExit = true;
    return new TemporaryFile(path, target, file);
  }

  /** Gives the file, closed before, the name of its target, durably. */
  async takeName(): Promise<void> {
    await rename(this.#path, this.#target);
    unfinished.delete(this.#path);
    await syncDirectory(dirname(this.#target));
  }

  /** Removes the file, closed before. */
  async remove(): Promise<void> {
    await rm(this.#path, { force: true });
    unfinished.delete(this.#path);
  }
}

/** Removes the files that an uncaught error or `process.exit()` would leave behind. */
function removeUnfinished(): void {
  for (const path of unfinished) {
    try {
      rmSync(path, { force: true });
    } catch {
      // Nothing can be done about it here; the next writer of the target tries again.
    }
  }
}

/**
 * Returns the start of the names of temporary files for `target`. It is short, whatever the length of that name. It differs
 * between machines and containers, where a process number says nothing about a process here.
 */
function prefix(target: string): string {
  const who = [basename(target), hostname(), processNamespace()].join('\0');
  return `.aah-${createHash('sha256').update(who).digest('hex').slice(0, 12)}-`;
}

function processNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return '';
  }
}

async function sweep(target: string): Promise<void> {
  const directory = dirname(target);
  const start = prefix(target);
  for (const name of await readdir(directory).catch(() => [])) {
    if (!name.startsWith(start)) continue;
    const process = /^(\d+)-[0-9a-f]+\.tmp$/.exec(name.slice(start.length))?.[1];
    // One that cannot be removed is in nobody's way.
    if (process && !isRunning(Number(process))) await rm(join(directory, name), { force: true }).catch(() => {});
  }
}

/** Returns whether there is a process of this number. */
export function isRunning(id: number): boolean {
  try {
    process.kill(id, 0);
    return true;
  } catch (error) {
    // Another user's process may not be asked.
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

/** Makes a rename durable; where directories cannot be synced (Windows) the system sees to it. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r').catch(() => undefined);
  await directory?.sync().catch(() => {});
  await directory?.close();
}
