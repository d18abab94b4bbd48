/**
 * Results of one run, written as they come. What always holds:
 *
 * - one batch is under way at a time, so that rows become durable in the order of the calls;
 * - at most two batches are held, the one under way and the one that fills; further calls wait unread until there is room.
 */
import { options as checkOptions, nonNegativeNumber, positiveInteger } from '../arguments.js';
import { type PackedResults, ResultBatch } from './result_batch.js';
import { closed } from './store_error.js';
import type { NewResult, WriterOptions } from './types.js';

/** Writes results of one run. Made by `EvalStore.writer`. */
export interface RunWriter {
  /**
   * Stores a result and resolves once it is durable. A row that is there already is left alone. Rejects with the error of
   * the batch; the writer works on, and the same row may be written again.
   */
  write(row: Omit<NewResult, 'runId'>): Promise<void>;
  /** Writes what waits, and resolves once nothing does. Later writes reject with `ERR_CLOSED`. */
  close(): Promise<void>;
}

/** The calls of a store that a writer needs. */
export interface WriterTarget {
  maxRowBytes: number;
  insert(batch: PackedResults): Promise<unknown>;
}

interface Settle {
  resolve(): void;
  reject(error: unknown): void;
}

interface Held extends Settle {
  row: Omit<NewResult, 'runId'>;
}

/** The writer behind {@link RunWriter}. */
export class BufferedRunWriter implements RunWriter {
  readonly #runId: string;
  readonly #target: WriterTarget;
  readonly #flushMs: number;
  readonly #maxRows: number;
  readonly #maxBytes: number;
  readonly #batch: ResultBatch;
  /** Calls whose rows are in the batch that fills. */
  #filling: Settle[] = [];
  /** Calls whose rows have not been read yet. */
  #held: Held[] = [];
  #underWay: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isDue = false;
  #isClosed = false;

  constructor(runId: string, target: WriterTarget, options: WriterOptions | undefined) {
    const { flushMs = 50, maxRows = 500, maxBytes = 4 * 1024 * 1024 } = checkOptions('options', options);
    this.#runId = runId;
    this.#target = target;
    this.#flushMs = nonNegativeNumber('flushMs', flushMs);
    this.#maxRows = positiveInteger('maxRows', maxRows);
    this.#maxBytes = positiveInteger('maxBytes', maxBytes);
    this.#batch = new ResultBatch('row', target.maxRowBytes);
  }

  write(row: Omit<NewResult, 'runId'>): Promise<void> {
    if (this.#isClosed) return Promise.reject(closed('the writer'));
    return new Promise((resolve, reject) => {
      this.#held.push({ row, resolve, reject });
      this.#fill();
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#isDue = true;
    this.#flushIfDue();
    while (this.#underWay) await this.#underWay;
  }

  /** Reads rows into the batch while there is room in it. */
  #fill(): void {
    while (this.#held.length > 0 && !this.#isFull) {
      const { row, ...settle } = this.#held.shift()!;
      try {
        this.#batch.add(row, undefined, this.#runId);
      } catch (error) {
        settle.reject(error);
        continue;
      }
      this.#filling.push(settle);
      if (this.#isFull) this.#flushIfDue();
    }
    // It keeps the process alive: someone waits for the row.
    if (this.#batch.rows > 0 && !this.#isDue) this.#timer ??= setTimeout(() => this.#flushSoon(), this.#flushMs);
  }

  get #isFull(): boolean {
    return this.#batch.rows >= this.#maxRows || this.#batch.units >= this.#maxBytes;
  }

  #flushSoon(): void {
    this.#isDue = true;
    this.#flushIfDue();
  }

  #flushIfDue(): void {
    if (this.#underWay || this.#batch.rows === 0) return;
    if (!this.#isDue && !this.#isFull) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#isDue = this.#isClosed;
    const waiting = this.#filling;
    this.#filling = [];
    const insertion = this.#target.insert(this.#batch.take()).then(
      () => {
        for (const { resolve } of waiting) resolve();
      },
      (error: unknown) => {
        for (const { reject } of waiting) reject(error);
      },
    );
    this.#underWay = insertion.then(() => {
      this.#underWay = undefined;
      this.#fill();
      this.#flushIfDue();
    });
  }
}
