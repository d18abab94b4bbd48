/** The directory `.ai-evals`, which holds what runs keep and which version control does not see. */
import { existsSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** Hides the directory of `file` from version control, if it is one of ours. */
export function hideDirectoryOf(file: string): void {
  const ignore = join(dirname(file), '.gitignore');
  // Only in a directory of its own; where it cannot be written, whoever opens the file says what is wrong.
  if (basename(dirname(file)) !== '.ai-evals' || existsSync(ignore)) return;
  try {
    writeFileSync(ignore, '*\n');
  } catch {}
}
