/** Options, figures and event payloads of streams. */
import { tmpdir } from 'node:os';
import { options as checkOptions, outOfRange, positiveInteger, positiveNumber, string } from '../arguments.js';

/** Limits of a stream, a processor or a writer. */
export interface StreamConfig {
  /** Items handed out (or written) at a time. Default 50; `ResultWriter` 100. */
  batchSize?: number | undefined;
  /**
   * Bytes of memory, heap and native together, that buffered items may take; more go to a temporary file. Default 100 MB;
   * `ResultWriter` 50 MB. `Infinity`: no limit.
   */
  maxMemory?: number | undefined;
  /** Items buffered in the heap; more are kept compressed outside of it. Default 1000; `ResultWriter` 500. */
  bufferSize?: number | undefined;
  /** Directory of the temporary file, which never has a name in it. Default `os.tmpdir()`. */
  spillDirectory?: string | undefined;
}

/** Figures of a stream. */
export interface StreamStats {
  /** Items whose batch was processed, or that were handed to an iteration. */
  itemsProcessed: number;
  /** Items accepted (or read) and not yet handed out, wherever they are held. */
  itemsBuffered: number;
  /**
   * Bytes of memory held by them and by what a file's reader has read ahead: in the heap (by structure) and outside of it
   * (exact). What is on disk does not count.
   */
  memoryUsage: number;
  /** The number of pushes that were refused or made the buffer spill out of the heap. */
  backpressureEvents: number;
  /** Milliseconds per processed batch; 0 before the first. */
  avgProcessingTime: number;
  /** Items per second while a `process` was running; 0 before the first batch. */
  throughput: number;
  /** Records left out as invalid; only on a stream from a file. */
  itemsSkipped?: number;
  /** Records read so far, handed out or not; only on a stream from a file. */
  itemsRead?: number;
  /** Records of the file. Known at its end, of a Parquet file from its first batch on. */
  itemsTotal?: number;
  /** Bytes read of the file as it is on disk, up to 4 MB ahead of the items; 0 for Parquet. Only on a stream from a file. */
  bytesRead?: number;
  /** Bytes of the file as it is on disk; absent for pipes, devices and Parquet. */
  bytesTotal?: number;
}

/** Payloads of a stream's events. */
export interface StreamEvents<T> {
  /** An item was accepted or read. */
  data: T;
  /** A push was refused, or the buffer began to spill out of the heap. */
  backpressure: { bufferSize: number; maxSize: number };
  /** The items that wait take (or with one more would take) more than `maxMemory`. */
  'memory-pressure': { current: number; max: number };
  /**
   * A batch was processed: its items, milliseconds, and all items processed so far. Every push that was refused is followed
   * by one, if need be with `batchSize` 0: when a batch failed, or an iteration or `clear()` made room.
   */
  'batch-complete': { batchSize: number; processingTime: number; totalProcessed: number };
  pause: undefined;
  resume: undefined;
  /** A batch failed (or, with an empty batch, reading the source did); `process` or the iteration rejects with `error` too. */
  error: { error: unknown; batch: T[] };
  /** A record of a file was left out. */
  invalid: { file: string; line: number; byteOffset: number; reason: string };
}

/** A {@link StreamConfig} with every field given. */
export type FullConfig = { [K in keyof StreamConfig]-?: NonNullable<StreamConfig[K]> };

/** Checks `config` and fills in `defaults`. */
export function fullConfig(
  config: StreamConfig | undefined,
  defaults: { batchSize: number; maxMemory: number; bufferSize: number },
): FullConfig {
  const given = checkOptions('config', config);
  return {
    batchSize: positiveInteger('batchSize', orElse(given.batchSize, defaults.batchSize)),
    maxMemory: positiveNumber('maxMemory', orElse(given.maxMemory, defaults.maxMemory)),
    bufferSize:
      given.bufferSize === Number.POSITIVE_INFINITY
        ? Number.MAX_SAFE_INTEGER
        : positiveInteger('bufferSize', orElse(given.bufferSize, defaults.bufferSize)),
    spillDirectory: directory(orElse(given.spillDirectory, tmpdir())),
  };
}

function directory(path: string): string {
  return string('spillDirectory', path) === '' ? outOfRange('spillDirectory', 'the path of a directory', path) : path;
}

/** Returns `fallback` where nothing was given. `null` is something, and for its check to refuse. */
function orElse<V>(value: V | undefined, fallback: V): V {
  return value === undefined ? fallback : value;
}

/** Limits of streams and processors. */
export const STREAM_DEFAULTS = { batchSize: 50, maxMemory: 100 * 1024 * 1024, bufferSize: 1000 };
