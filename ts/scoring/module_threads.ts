/** Worker threads that run functions of modules, one at a time each. */
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { AiEvalsError } from '../errors.js';
import type { ModuleAnswer, ModuleCall } from './module_thread.js';

/** Threads that are started when a function is called and no thread is idle, and kept for the next. */
export class ModuleThreads {
  readonly #idle: Worker[] = [];

  /** Calls an exported function on a thread. */
  run(url: string, exportName: string, args: readonly unknown[]): Promise<unknown> {
    const thread = this.#idle.pop() ?? new Worker(join(__dirname, 'module_thread.js'), { stdin: false });
    thread.ref();
    return new Promise((resolve, reject) => {
      const over = (): void => {
        thread.off('message', answered).off('messageerror', died).off('error', died).off('exit', exited);
      };
      const answered = (answer: ModuleAnswer): void => {
        over();
        this.#rest(thread);
        if (answer.failed) reject(answer.error);
        else resolve(answer.value);
      };
      const died = (cause: unknown): void => {
        over();
        // An error after this one has nobody to reject.
        thread.on('error', () => {});
        void thread.terminate();
        const reason = cause instanceof Error ? cause.message : String(cause);
        const message = `The worker thread that ran ${exportName} of ${url} died: ${reason}. Other tasks are not affected.`;
        reject(new AiEvalsError('ERR_WORKER_DIED', message, { cause }));
      };
      const exited = (code: number): void => died(new Error(`it exited with code ${code}`));
      thread.on('message', answered).on('messageerror', died).on('error', died).on('exit', exited);
      try {
        thread.postMessage({ url, exportName, args } satisfies ModuleCall);
      } catch (error) {
        // Arguments that cannot be copied: the thread knows nothing of it.
        over();
        this.#rest(thread);
        reject(error);
      }
    });
  }

  /** Keeps a thread for the next call; it does not keep the process alive. */
  #rest(thread: Worker): void {
    thread.unref();
    const gone = (): void => {
      const at = this.#idle.indexOf(thread);
      if (at >= 0) this.#idle.splice(at, 1);
    };
    // A function may have left something running that fails later.
    thread.removeAllListeners();
    thread.once('error', gone).once('exit', gone);
    this.#idle.push(thread);
  }

  /** Ends the idle threads. */
  async close(): Promise<void> {
    await Promise.all(this.#idle.splice(0).map((thread) => thread.terminate()));
  }
}
