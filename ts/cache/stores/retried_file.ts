/**
 * A file that may fail, be it that it cannot even be opened: what is asked of it then has no answer, and a second later it
 * is tried again. The first failure is a process warning (`AI_EVALS_CACHE_DEGRADED`; `AI_EVALS_CACHE_BUSY` where others only
 * wrote for too long), the others are silent.
 */
import { AiEvalsError } from '../../errors.js';
import { type ByteTier, isStorageFailure } from './byte_tier.js';

/** Milliseconds for which a file that failed is left alone. */
const PAUSE = 1000;

/** What failed: a file that takes no writes may well be read. */
type Work = 'open' | 'read' | 'write';

export class RetriedFile<V, K> {
  readonly #open: () => ByteTier<V, K>;
  /** `undefined` until it can be opened. */
  #file: ByteTier<V, K> | undefined;
  /** Why it is not opened again. */
  #end: 'closed' | 'given up' | undefined;
  /** Codes of the warnings there were. */
  readonly #warned = new Set<string>();
  /** When it may be tried again. */
  readonly #retryAt = { open: 0, read: 0, write: 0 };

  /** `open` throws `ERR_STORAGE` when the file cannot be used. */
  constructor(open: () => ByteTier<V, K>) {
    this.#open = open;
    this.#tryToOpen();
  }

  /** The file, while it is open. */
  get opened(): ByteTier<V, K> | undefined {
    return this.#file;
  }

  /** Whether it has not just failed to be read. */
  get isReadable(): boolean {
    return !this.#isPaused('read');
  }

  get isClosed(): boolean {
    return this.#end === 'closed';
  }

  get isGivenUp(): boolean {
    return this.#end === 'given up';
  }

  /** What `use`, which only reads, answers; `undefined` when there is no file, it failed, or it did a moment ago. */
  read<R>(use: (file: ByteTier<V, K>) => R): R | undefined {
    return this.#try('read', use);
  }

  /** What `use` answers, as {@link RetriedFile.read}. */
  write<R>(use: (file: ByteTier<V, K>) => R): R | undefined {
    return this.#try('write', use);
  }

  /** Throws `ERR_CLOSED` after `close`. */
  checkOpen(): void {
    if (this.#end === 'closed') throw new AiEvalsError('ERR_CLOSED', 'the cache is closed: open another');
  }

  /** The next call tries whatever failed a moment ago. */
  retryNow(): void {
    Object.assign(this.#retryAt, { open: 0, read: 0, write: 0 });
  }

  /** Has no file from now on. */
  giveUp(): void {
    this.#file?.close();
    this.#file = undefined;
    this.#end = 'given up';
  }

  /** Every later call throws `ERR_CLOSED`. */
  close(): void {
    this.#file?.close();
    this.#file = undefined;
    this.#end = 'closed';
  }

  /** Tells of what the file had to drop as damaged. */
  tellNotices(): void {
    for (const notice of this.#file?.takeNotices() ?? []) {
      process.emitWarning(notice, { type: 'CacheWarning', code: 'AI_EVALS_CACHE_DAMAGED' });
    }
  }

  #try<R>(work: Work, use: (file: ByteTier<V, K>) => R): R | undefined {
    const file = this.#file ?? this.#tryToOpen();
    if (file === undefined || this.#isPaused(work)) return undefined;
    try {
      const result = use(file);
      this.#retryAt[work] = 0;
      if (work === 'write') this.tellNotices();
      return result;
    } catch (error) {
      this.#failed(work, error);
      return undefined;
    }
  }

  #tryToOpen(): ByteTier<V, K> | undefined {
    this.checkOpen();
    if (this.#end === 'given up' || this.#isPaused('open')) return undefined;
    try {
      this.#file = this.#open();
      this.tellNotices();
    } catch (error) {
      this.#failed('open', error);
    }
    return this.#file;
  }

  #isPaused(work: Work): boolean {
    return this.#retryAt[work] > 0 && performance.now() < this.#retryAt[work];
  }

  #failed(work: Work, error: unknown): void {
    if (!isStorageFailure(error)) throw error;
    this.#retryAt[work] = performance.now() + PAUSE;
    const code = work === 'write' && this.#file?.isBusy === true ? 'AI_EVALS_CACHE_BUSY' : 'AI_EVALS_CACHE_DEGRADED';
    if (this.#warned.has(code)) return;
    this.#warned.add(code);
    const message = `${error.message}. The cache goes on in memory; what the file has not taken when the cache is closed is lost.`;
    process.emitWarning(message, { type: 'CacheWarning', code });
  }
}
