/**
 * Results of one run, written as they come. What always holds:
 *
 * - one batch is under way at a time, so that rows become durable in the order of the calls;
 * - at most two batches are held, the one under way and the one that fills; further calls wait unread until there is room.
 */
import { options as checkOptions, nonNegativeNumber, positiveInteger } from '../arguments.js';
import { turnDue } from '../event_loop_turn.js';
import { type PackedResults, ResultBatch } from './result_batch.js';
import { closed } from './store_error.js';
import type { NewResult, WriterOptions } from './types.js';

/** Rows between two looks at the clock: some tenths of a millisecond. */
const ROWS_A_LOOK = 32;

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
  /** Calls whose rows have not been read yet, from `#next` on. */
  #held: Held[] = [];
  #next = 0;
  #rowsRead = 0;
  /** Settles when reading goes on; absent while it waits for nothing. */
  #reading: Promise<void> | undefined;
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
    for (let waits = this.#waits; waits; waits = this.#waits) await waits;
  }

  /** Reads rows into the batch while there is room in it. The event loop gets its turns. */
  #fill(): void {
    if (this.#reading) return;
    for (let held = this.#take(); held; held = this.#take()) {
      const { row, resolve, reject } = held;
      const read = () => {
        this.#filling.push({ resolve, reject });
        if (this.#isFull) this.#flushIfDue();
      };
      try {
        const added = this.#batch.add(row, undefined, this.#runId);
        if (added) {
          this.#goOnAfter(added.then(read, reject));
          break;
        }
        read();
      } catch (error) {
        reject(error);
      }
      this.#rowsRead += 1;
      const due = this.#rowsRead % ROWS_A_LOOK === 0 ? turnDue() : undefined;
      if (due) {
        this.#goOnAfter(due);
        break;
      }
    }
    // It keeps the process alive: someone waits for the row.
    if (this.#batch.rows > 0 && !this.#isDue) this.#timer ??= setTimeout(() => this.#flushSoon(), this.#flushMs);
  }

  /** Takes the next row that waits; `undefined` when there is none, or no room for it. */
  #take(): Held | undefined {
    if (this.#isFull || this.#next === this.#held.length) return undefined;
    const held = this.#held[this.#next]!;
    this.#next += 1;
    // An array that is shifted moves all that is behind.
    if (this.#next >= 1024 || this.#next === this.#held.length) {
      this.#held.splice(0, this.#next);
      this.#next = 0;
    }
    return held;
  }

  #goOnAfter(waits: Promise<void>): void {
    this.#reading = waits.then(() => {
      this.#reading = undefined;
      this.#fill();
      this.#flushIfDue();
    });
  }

  /** The batch that is under way, or what reading waits for. */
  get #waits(): Promise<void> | undefined {
    return this.#underWay ?? this.#reading;
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
