/** `ai-evals run --watch`: the command again whenever a file of it changes. */
import { type ChildProcess, spawn } from 'node:child_process';
import { type FSWatcher, statSync, watch as watchFile } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import type { LoadedConfig } from './config/config_file.js';
import { shownPath } from './dataset_name.js';
import type { RunCommand } from './run_options.js';
import { plural } from './wording.js';

/** Milliseconds for which changes are gathered: editors write a file in several steps. */
const SETTLED = 100;

/**
 * Runs the command in a process of its own, again after each change of a dataset or the configuration, until Ctrl-C. Resolves
 * to the exit code of the last run that came to its end. What is unchanged is answered by the kept answers.
 */
export function watch(args: string[], { runs }: RunCommand, config: LoadedConfig | undefined): Promise<number> {
  const files = new Set(runs.map(({ dataset }) => resolve(dataset)));
  if (config !== undefined) files.add(resolve(config.file));
  const once = args.filter((arg) => arg !== '--watch');
  return new Promise((end) => {
    let child: ChildProcess | undefined;
    let code = 0;
    let isStale = false;
    let timer: NodeJS.Timeout | undefined;
    const start = (): void => {
      isStale = false;
      const started = spawn(process.execPath, [process.argv[1]!, 'run', ...once], { stdio: 'inherit' });
      child = started;
      started.once('close', (ended) => {
        child = undefined;
        code = ended ?? code;
        if (isStale) start();
        else process.stderr.write(`watching ${plural(files.size, 'file')}; Ctrl-C ends\n`);
      });
    };
    const changed = (file: string): void => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        process.stderr.write(`${shownPath(file)} changed\n`);
        // A run that is under way is ended with what it has, as by Ctrl-C.
        if (child === undefined) start();
        else {
          isStale = true;
          child.kill('SIGINT');
        }
      }, SETTLED);
    };
    const watchers = watchersOf(files, changed);
    const stop = (): void => {
      clearTimeout(timer);
      for (const watcher of watchers) watcher.close();
      process.off('SIGINT', stop);
      process.off('SIGTERM', stop);
      if (child === undefined) end(code);
      else {
        isStale = false;
        child.removeAllListeners('close');
        child.once('close', () => end(code));
        child.kill('SIGINT');
      }
    };
    process.on('SIGINT', stop);
    process.on('SIGTERM', stop);
    start();
  });
}

/** Watches the directories of files: an editor may put another file in a file's place. */
function watchersOf(files: ReadonlySet<string>, changed: (file: string) => void): FSWatcher[] {
  const seen = new Map([...files].map((file) => [file, stateOf(file)]));
  return [...new Set([...files].map(dirname))].map((directory) =>
    watchFile(directory, (_, name) => {
      for (const file of files) {
        if (dirname(file) !== directory || (name !== null && name !== basename(file))) continue;
        const state = stateOf(file);
        if (state === seen.get(file)) continue;
        seen.set(file, state);
        // A file that is gone for a moment comes back.
        if (state !== undefined) changed(file);
      }
    }),
  );
}

function stateOf(file: string): string | undefined {
  const about = statSync(file, { throwIfNoEntry: false, bigint: true });
  return about && `${about.ino} ${about.size} ${about.mtimeNs}`;
}
