/** Processes of their own that work on a store. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** A child process. */
export class Child {
  readonly process: ChildProcess;
  #printed = '';
  #errors = '';
  #waiting: (() => void)[] = [];

  constructor(task: string, url: string, ...rest: string[]) {
    this.process = spawn(process.execPath, [join(__dirname, 'child.mjs'), task, url, ...rest]);
    this.process.stdout!.setEncoding('utf8').on('data', (text: string) => {
      this.#printed += text;
      for (const resolve of this.#waiting.splice(0)) resolve();
    });
    this.process.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.#errors += text;
    });
    onTestFinished(() => void this.process.kill('SIGKILL'));
  }

  /** Whole lines that it has printed. */
  get lines(): string[] {
    return this.#printed.split('\n').slice(0, -1);
  }

  /** Resolves when it has printed so many lines. Rejects when it ends before. */
  async printed(count: number): Promise<void> {
    const ended = once(this.process, 'close');
    let isOver = false;
    void ended.then(() => {
      isOver = true;
      for (const resolve of this.#waiting.splice(0)) resolve();
    });
    while (this.lines.length < count) {
      if (isOver) throw new Error(`the child ended: ${this.#errors}`);
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** Ends it as a power cut would. */
  async kill(): Promise<void> {
    const ended = once(this.process, 'close');
    this.process.kill('SIGKILL');
    await ended;
  }

  /** Resolves to its exit code when it ends by itself. */
  async ended(): Promise<number | null> {
    if (this.process.exitCode === null) await once(this.process, 'close');
    if (this.process.exitCode !== 0) throw new Error(`exit code ${this.process.exitCode}: ${this.#errors}`);
    return this.process.exitCode;
  }
}
