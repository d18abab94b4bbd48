/**
 * Scoring of pairs on native threads. A batch is packed by turns and crosses once for each megabyte of text, so that one part
 * is scored while the next is packed. The calls of one turn of the event loop share a crossing.
 */
import { availableParallelism } from 'node:os';
import { performance } from 'node:perf_hooks';
import { setImmediate } from 'node:timers';
import type { NativeBatch, NativeKernel, NativeScoringThreads } from '../binding.cjs';
import { ArgumentRangeError } from '../errors.js';
import { turnDue } from '../event_loop_turn.js';
import { fromNative, guarded, native } from '../native.js';
import { onAbort } from '../on_abort.js';

/** UTF-16 units appended to a batch at a time: some 10 µs. */
const PIECE = 1 << 14;
/** UTF-16 units from which a text is written alone. Shorter ones are joined first, which is faster than a call for each. */
const LONG = 256;
/** UTF-16 units of the first segment, which the threads begin with while the next is packed. Each next has twice as many. */
const FIRST_SEGMENT = 1 << 16;
/** UTF-16 units of a segment at most, but for the last pair in it. */
const SEGMENT_UNITS = 1 << 19;
/** Texts of a segment at most, but for the last pair in it. */
const SEGMENT_TEXTS = 1 << 15;
/** UTF-16 units of all segments up to which another one is packed. */
const PACKED_UNITS = 1 << 23;
/**
 * Milliseconds that the first look into a text may take for each UTF-16 unit: one that was put together of parts is copied
 * as a whole.
 */
const FLATTENING = 2e-6;
/** Texts handled between two looks at the clock. */
const TEXTS_A_LOOK = 1024;
/** Milliseconds between two reports of progress. */
const PROGRESS_INTERVAL = 50;
/** Number of figures a row has at most, and the score. */
const WIDEST_ROW = 33;

/** Pairs of texts in one list: those expected of the first pair, its answer, and so on. */
export interface PairTexts {
  texts: string[];
  /** The length of each text in UTF-16 units. There is room for more. */
  lengths: Uint32Array;
  /** The number of texts of each pair; 0 for a pair without an answer. */
  counts: Uint32Array;
}

/** A pair that is too large to be scored. */
export class RefusedPair {
  constructor(
    readonly index: number,
    readonly error: Error,
  ) {}
}

/** The result of a batch: a row of `width` numbers for each pair, its score first. */
export interface ScoredRows {
  rows: Float64Array;
  width: number;
  /** The pairs that were refused, in order; their scores are `NaN`. */
  refused: RefusedPair[];
}

/** Progress reports and abort of a batch. */
export interface BatchRun {
  signal?: AbortSignal | undefined;
  onProgress?: ((done: number, total: number) => void) | undefined;
}

/** The place where texts become UTF-16 on their way into a batch. It is free whenever another turn begins. */
const piece = new Uint16Array(PIECE + LONG);
const pieceBytes = Buffer.from(piece.buffer);

const row = new Float64Array(WIDEST_ROW);
let lengthsOfOne = new Uint32Array(16);

/** A native scorer, and the names of the figures in its rows. */
export class Kernel {
  readonly native: NativeKernel;
  readonly figures: readonly string[];

  /** Builds the kernel of a specification; see `src/scoring/kernel.rs`. */
  constructor(readonly specification: object) {
    this.native = guarded(() => new native.NativeKernel(JSON.stringify(specification)));
    this.figures = this.native.figures();
  }

  /** Scores one pair on this thread. The row is used again by the next call. */
  scoreNow(texts: readonly string[]): Float64Array {
    const count = texts.length;
    if (lengthsOfOne.length < count) lengthsOfOne = new Uint32Array(2 * count);
    let joined = '';
    for (let i = 0; i < count; i += 1) {
      const text = texts[i]!;
      lengthsOfOne[i] = text.length;
      joined += text;
    }
    try {
      this.native.score(joined, lengthsOfOne, count, row);
    } catch (error) {
      throw fromNative(error);
    }
    return row;
  }

  /** Scores all pairs as one corpus. The row is used again by the next call. */
  scoreCorpus({ texts, lengths, counts }: PairTexts): Float64Array {
    const used = lengths.subarray(0, texts.length);
    guarded(() => native.scoreCorpus(this.native, texts.join(''), used, counts, row));
    return row;
  }
}

/** Native threads that score batches, and the calls that wait to cross together. */
export class ScoringThreads {
  readonly #threads: NativeScoringThreads;
  readonly #waiting = new Map<Kernel, WaitingPairs>();
  readonly #batches = new Set<SegmentedBatch>();

  /** At most `workers` threads, and no more than there are cores. They start with the first batch. */
  constructor(workers: number) {
    this.#threads = guarded(() => new native.NativeScoringThreads(Math.min(workers, availableParallelism(), 1024)));
  }

  /** Number of pairs that are not scored yet. */
  get pending(): number {
    let pending = 0;
    for (const { counts } of this.#waiting.values()) pending += counts.length;
    for (const batch of this.#batches) pending += batch.total - batch.done;
    return pending;
  }

  /** Lets the threads end when they are done; later work starts them again. */
  close(): void {
    this.#threads.close();
  }

  /** Scores one pair, in one crossing with all others of this turn of the event loop. The row is the caller's. */
  enqueue(kernel: Kernel, texts: readonly string[]): Promise<Float64Array> {
    return new Promise((resolve, reject) => {
      let waiting = this.#waiting.get(kernel);
      if (waiting === undefined) {
        if (this.#waiting.size === 0) setImmediate(() => this.#flush());
        waiting = { texts: [], counts: [], settle: [] };
        this.#waiting.set(kernel, waiting);
      }
      waiting.texts.push(...texts);
      waiting.counts.push(texts.length);
      waiting.settle.push({ resolve, reject });
    });
  }

  #flush(): void {
    const groups = [...this.#waiting];
    this.#waiting.clear();
    for (const [kernel, waiting] of groups) void this.#scoreWaiting(kernel, waiting);
  }

  async #scoreWaiting(kernel: Kernel, { texts, counts, settle }: WaitingPairs): Promise<void> {
    try {
      const lengths = Uint32Array.from(texts, (text) => text.length);
      const pairs = { texts, lengths, counts: new Uint32Array(counts) };
      const { rows, width, refused } = await this.score(kernel, pairs, true);
      for (const { index, error } of refused) settle[index]!.reject(error);
      for (const [at, { resolve }] of settle.entries()) {
        resolve(rows.slice(at * width, (at + 1) * width));
        if (at % TEXTS_A_LOOK === TEXTS_A_LOOK - 1) await turnDue();
      }
    } catch (error) {
      for (const { reject } of settle) reject(error);
    }
  }

  /**
   * Scores a batch. Rows hold the score and, with `figures`, the kernel's figures. Rejects with the signal's reason as soon
   * as it is aborted.
   */
  async score(kernel: Kernel, pairs: PairTexts, figures: boolean, run: BatchRun = {}): Promise<ScoredRows> {
    const batch = new SegmentedBatch(kernel, this.#threads, figures, pairs);
    this.#batches.add(batch);
    const reporting = reportProgress(run.onProgress, batch);
    try {
      return await abortable(run.signal, batch);
    } finally {
      this.#batches.delete(batch);
      reporting.end(run.signal?.aborted !== true);
    }
  }
}

interface WaitingPairs {
  texts: string[];
  counts: number[];
  settle: { resolve(row: Float64Array): void; reject(error: unknown): void }[];
}

function abortable(signal: AbortSignal | undefined, batch: SegmentedBatch): Promise<ScoredRows> {
  if (signal === undefined) return batch.score();
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason);
      return;
    }
    const forget = onAbort(signal, () => {
      batch.abort();
      reject(signal.reason);
    });
    batch.score().then(resolve, reject).finally(forget);
  });
}

/** A batch on its way in segments, so that memory is bounded however long the texts are. */
class SegmentedBatch {
  readonly #kernel: Kernel;
  readonly #threads: NativeScoringThreads;
  readonly #figures: boolean;
  readonly #pairs: PairTexts;
  readonly #width: number;
  readonly #rows: Float64Array;
  readonly #refused: RefusedPair[] = [];
  readonly #running = new Set<NativeBatch>();
  #finished = 0;
  #aborted = false;

  constructor(kernel: Kernel, threads: NativeScoringThreads, figures: boolean, pairs: PairTexts) {
    this.#kernel = kernel;
    this.#threads = threads;
    this.#figures = figures;
    this.#pairs = pairs;
    this.#width = figures ? 1 + kernel.figures.length : 1;
    this.#rows = new Float64Array(pairs.counts.length * this.#width);
  }

  get total(): number {
    return this.#pairs.counts.length;
  }

  get done(): number {
    let done = this.#finished;
    for (const batch of this.#running) done += batch.done();
    return done;
  }

  abort(): void {
    this.#aborted = true;
    for (const batch of this.#running) batch.abort();
  }

  async score(): Promise<ScoredRows> {
    const segments: { units: number; scored: Promise<void> }[] = [];
    let [packed, oldest, most] = [0, 0, FIRST_SEGMENT];
    try {
      for (let [pair, text] = [0, 0]; pair < this.total && !this.#aborted; most = Math.min(2 * most, SEGMENT_UNITS)) {
        const segment = this.#measure(pair, text, most);
        const batch = await this.#pack(segment);
        if (this.#aborted) break;
        const scored = this.#run(batch, segment);
        // A segment that fails fails the batch; those behind it must not be unhandled rejections meanwhile.
        scored.catch(() => {});
        segments.push({ units: segment.units, scored });
        packed += segment.units;
        pair = segment.endPair;
        text = segment.endText;
        for (; packed > PACKED_UNITS; oldest += 1) {
          await segments[oldest]!.scored;
          packed -= segments[oldest]!.units;
        }
      }
      await Promise.all(segments.map(({ scored }) => scored));
    } catch (error) {
      this.abort();
      throw fromNative(error);
    }
    this.#refused.sort((a, b) => a.index - b.index);
    return { rows: this.#rows, width: this.#width, refused: this.#refused };
  }

  /** Finds the end of the segment that begins at a pair. */
  #measure(firstPair: number, firstText: number, most: number): Segment {
    const { lengths, counts } = this.#pairs;
    let [endPair, endText, units] = [firstPair, firstText, 0];
    for (; endPair < counts.length && endText - firstText < SEGMENT_TEXTS && units < most; endPair += 1) {
      for (const end = endText + counts[endPair]!; endText < end; endText += 1) units += lengths[endText]!;
    }
    return { firstPair, endPair, firstText, endText, units };
  }

  /** Copies the texts of a segment into a native batch, by turns. */
  async #pack({ firstText, endText, units }: Segment): Promise<NativeBatch> {
    const { texts } = this.#pairs;
    const batch = new native.NativeBatch(units);
    let [joined, count] = ['', 0];
    const append = (part: string): Promise<void> | undefined => {
      pieceBytes.write(part, 'utf16le');
      batch.append(piece, part.length);
      return turnDue();
    };
    for (let text = firstText; text < endText; text += 1) {
      const source = texts[text]!;
      if (source.length < LONG) {
        joined += source;
        count += 1;
        if (joined.length < PIECE && count < TEXTS_A_LOOK) continue;
      }
      await append(joined);
      [joined, count] = ['', 0];
      if (source.length < LONG) continue;
      await turnDue(source.length * FLATTENING);
      for (let from = 0; from < source.length && !this.#aborted; from += PIECE) {
        await append(source.slice(from, from + PIECE));
      }
    }
    await append(joined);
    return batch;
  }

  async #run(batch: NativeBatch, { firstPair, endPair, firstText, endText }: Segment): Promise<void> {
    const lengths = this.#pairs.lengths.subarray(firstText, endText);
    const counts = this.#pairs.counts.subarray(firstPair, endPair);
    this.#running.add(batch);
    try {
      const rows = await batch.start(this.#kernel.native, this.#threads, lengths, counts, this.#figures);
      this.#rows.set(rows, firstPair * this.#width);
      this.#finished += counts.length;
      for (const [at, message] of JSON.parse(batch.refused() ?? '[]') as [number, string][]) {
        this.#refused.push(new RefusedPair(firstPair + at, new ArgumentRangeError(message)));
      }
    } finally {
      this.#running.delete(batch);
    }
  }
}

/** The pairs and texts that are packed and scored together. */
interface Segment {
  firstPair: number;
  endPair: number;
  firstText: number;
  endText: number;
  /** UTF-16 units of the texts. */
  units: number;
}

/** Calls `onProgress` when the number of scored pairs has changed, until it is ended. */
function reportProgress(onProgress: BatchRun['onProgress'], batch: SegmentedBatch): { end(complete: boolean): void } {
  if (onProgress === undefined) return { end() {} };
  let reported = -1;
  const report = (): void => {
    const { done } = batch;
    if (done === reported) return;
    reported = done;
    onProgress(done, batch.total);
  };
  const timer = setInterval(report, PROGRESS_INTERVAL);
  timer.unref();
  return {
    end(complete) {
      clearInterval(timer);
      if (complete) report();
    },
  };
}

let shared: ScoringThreads | undefined;

/** The threads of scorers that no pool runs: one for each core. */
export function sharedThreads(): ScoringThreads {
  shared ??= new ScoringThreads(availableParallelism());
  return shared;
}

/** Milliseconds of a turn that short pairs may take on this thread before they go to native threads too. */
const SHORT_WORK = 2;
/** UTF-16 units of a pair that is scored at once. */
const SHORT_PAIR = 128;

let shortWork = 0;
let turnEnds = false;

/** Scores a short pair on this thread, or returns nothing if it is long or this turn has had enough of them. */
export function scoreShort(kernel: Kernel, texts: readonly string[]): Float64Array | undefined {
  let units = 0;
  for (const text of texts) units += text.length;
  if (units > SHORT_PAIR || shortWork > SHORT_WORK) return undefined;
  if (!turnEnds) {
    turnEnds = true;
    setImmediate(() => {
      turnEnds = false;
      shortWork = 0;
    });
  }
  const start = performance.now();
  const scored = kernel.scoreNow(texts);
  shortWork += performance.now() - start;
  return scored;
}
