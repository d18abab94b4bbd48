/** Worker threads that run functions of modules, one at a time each. */
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { AiEvalsError } from '../errors.js';
import type { ModuleAnswer, ModuleCall } from './module_thread.js';

/** Threads that are started when a function is called and no thread is idle, and kept for the next. */
export class ModuleThreads {
  readonly #idle: ModuleThread[] = [];

  /** Calls an exported function on a thread. */
  async run(url: string, exportName: string, args: readonly unknown[]): Promise<unknown> {
    // A thread can die while it is idle, of what a function left running.
    let thread = this.#idle.pop();
    while (thread?.alive === false) thread = this.#idle.pop();
    thread ??= new ModuleThread();
    try {
      return await thread.call({ url, exportName, args });
    } finally {
      if (thread.alive) this.#idle.push(thread);
    }
  }

  /** Ends the idle threads. */
  async close(): Promise<void> {
    await Promise.all(this.#idle.splice(0).map((thread) => thread.end()));
  }
}

/** A thread, which keeps the process alive only while a function runs on it. */
class ModuleThread {
  readonly #worker = new Worker(join(__dirname, 'module_thread.js'));
  #call: { name: string; resolve(value: unknown): void; reject(error: unknown): void } | undefined;
  #alive = true;

  constructor() {
    this.#worker
      .on('message', (answer: ModuleAnswer) => this.#answered(answer))
      .on('messageerror', (error) => this.#died(error))
      .on('error', (error) => this.#died(error))
      .on('exit', (code) => this.#died(new Error(`it exited with code ${code}`)));
  }

  /** True if the thread can be called again. */
  get alive(): boolean {
    return this.#alive;
  }

  call(call: ModuleCall): Promise<unknown> {
    return new Promise((resolve, reject) => {
      // Arguments that cannot be copied throw here, and the thread knows nothing of it.
      this.#worker.postMessage(call);
      this.#worker.ref();
      this.#call = { name: `${call.exportName} of ${call.url}`, resolve, reject };
    });
  }

  #answered(answer: ModuleAnswer): void {
    const call = this.#call;
    this.#call = undefined;
    this.#worker.unref();
    if (answer.failed) call?.reject(answer.error);
    else call?.resolve(answer.value);
  }

  #died(cause: unknown): void {
    this.#alive = false;
    this.#call?.reject(died(this.#call.name, cause));
    this.#call = undefined;
    void this.#worker.terminate();
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }
}

function died(name: string, cause: unknown): AiEvalsError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const message = `The worker thread that ran ${name} died: ${reason}. Other tasks are not affected; call it again.`;
  return new AiEvalsError('ERR_WORKER_DIED', message, { cause });
}
