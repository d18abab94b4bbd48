import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Folder of the installed package: every file of the built facade lies one level below it. */
export const PACKAGE_ROOT = join(__dirname, '..');

/** Reads the version of this package from its manifest. */
export function packageVersion(): string {
  const manifest = JSON.parse(readFileSync(join(PACKAGE_ROOT, 'package.json'), 'utf8')) as { version: string };
  return manifest.version;
}
