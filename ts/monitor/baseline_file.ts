/** Baselines as files: written whole or not at all, and read with an error that names the file. */
import { randomUUID } from 'node:crypto';
import { open, readFile, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { AiEvalsError } from '../errors.js';

/**
 * Writes `text` next to `file`, flushes it to the disk and moves it there: no reader ever sees half of it. A link stays a
 * link; what is no file (a pipe, a device) is written to.
 */
export async function writeWhole(path: string, text: string): Promise<void> {
  const there = await stat(path).catch(() => undefined);
  if (there && !there.isFile()) return writeFile(path, text);
  const file = there ? await realpath(path) : path;
  const temporary = `${file}.${randomUUID()}.tmp`;
  try {
    const handle = await open(temporary, 'wx');
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Reads `file` and gives its text to `parse`; what that refuses is told with the name of the file. */
export async function readWhole<T>(file: string, parse: (text: string) => T): Promise<T> {
  // An editor may have put a byte order mark in front.
  const text = (await readFile(file, 'utf8')).replace(/^\ufeff/u, '');
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof AiEvalsError)) throw error;
    throw new AiEvalsError(error.code, `${file}: ${error.message}`, { cause: error });
  }
}
