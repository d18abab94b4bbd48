/**
 * A lock between processes: a file beside the one that is changed. What always holds: one process has it at a time, and that
 * of a process which was killed is taken away by exactly one of those that wait.
 */
import { randomUUID } from 'node:crypto';
import { link, open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';
import { AiEvalsError } from '../errors.js';
import { isRunning } from '../stream/temporary_file.js';

/** Milliseconds after which a lock counts as forgotten, whoever has it: changes take some milliseconds. */
const FORGOTTEN = 60_000;
/** Milliseconds that a call waits for a lock. */
const LONGEST_WAIT = 120_000;

interface Owner {
  token: string;
  process: number;
  host: string;
}

/** Runs `work` while this call alone has the lock of `path`. `work` is given a check that it still has it. */
export async function withFileLock<T>(path: string, work: (check: () => Promise<void>) => Promise<T>): Promise<T> {
  const lock = `${path}.lock`;
  const owner: Owner = { token: randomUUID(), process: process.pid, host: hostname() };
  await take(lock, owner);
  const check = async () => {
    if ((await ownerOf(lock))?.token === owner.token) return;
    throw new AiEvalsError('ERR_STORAGE', `${path} was locked for longer than ${FORGOTTEN} ms and is another's now`);
  };
  try {
    return await work(check);
  } finally {
    if ((await ownerOf(lock))?.token === owner.token) await rm(lock, { force: true });
  }
}

async function take(lock: string, owner: Owner): Promise<void> {
  // The lock appears with its content, so that nobody sees one without an owner.
  const draft = `${lock}-${owner.token}`;
  await writeFile(draft, JSON.stringify(owner), { flag: 'wx' });
  const deadline = performance.now() + LONGEST_WAIT;
  try {
    while (!(await linked(draft, lock))) {
      const other = await ownerOf(lock);
      if (other && (await isForgotten(lock, other))) await takeAway(lock, other);
      else await wait(1 + Math.random() * 10);
      if (performance.now() > deadline) {
        const who = other ? `process ${other.process} on ${other.host}` : 'another process';
        throw new AiEvalsError('ERR_STORAGE', `${lock} is held by ${who}; remove it if that is gone`);
      }
    }
  } finally {
    await rm(draft, { force: true });
  }
}

async function linked(draft: string, lock: string): Promise<boolean> {
  try {
    await link(draft, lock);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function ownerOf(lock: string): Promise<Owner | undefined> {
  const text = await readFile(lock, 'utf8').catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as Owner);
}

async function isForgotten(lock: string, owner: Owner): Promise<boolean> {
  if (owner.host === hostname() && !isRunning(owner.process)) return true;
  return (await ageOf(lock)) > FORGOTTEN;
}

async function ageOf(file: string): Promise<number> {
  const about = await stat(file).catch(() => undefined);
  return about ? Date.now() - about.mtimeMs : 0;
}

/** Removes the lock of `owner`. Only who made the note about it may, so that nobody removes the lock of a successor. */
async function takeAway(lock: string, { token }: Owner): Promise<void> {
  const note = `${lock}.${token}`;
  try {
    await (await open(note, 'wx')).close();
  } catch {
    // Another is about to, unless it was killed in the middle of it.
    if ((await ageOf(note)) > FORGOTTEN) await rm(note, { force: true });
    await wait(5);
    return;
  }
  if ((await ownerOf(lock))?.token === token) await rm(lock, { force: true });
  await rm(note, { force: true });
}
