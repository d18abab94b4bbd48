/**
 * A model's stream that is read once for all who ask for it while it runs.
 *
 * Invariants: a part is read from the model when some reader asks for it, not earlier, and every reader gets every
 * part from the first on, at its own pace, and nothing of what others do to theirs; a reader can leave alone; when the last
 * has left, the model is told to stop.
 * Memory: the parts, until the stream has ended and its readers are done.
 */
import { onAbort } from '../on_abort.js';
import { givenPart, type StreamAnswer, type StreamPart, storedStream } from './model_answer.js';
import { plainCopy } from './plain_copy.js';

/** Result of `doStream`. */
export interface StreamResult {
  stream: ReadableStream<StreamPart>;
}

export class LiveStream {
  readonly #stop = new AbortController();
  readonly #opened: Promise<StreamResult>;
  /** Parts as the model gave them, and copies that no reader ever gets. */
  readonly #given: StreamPart[] = [];
  readonly #parts: StreamPart[] = [];
  #source: ReadableStreamDefaultReader<StreamPart> | undefined;
  /** The read under way, which all who are at the end wait for. */
  #reading: Promise<void> | undefined;
  #readers = 0;
  #isOver = false;
  /** Reason why there will be no further parts, if it is not the model's own end. */
  #failure: { error: unknown } | undefined;
  #settle!: (answer: StreamAnswer | undefined) => void;
  /** Answer to store when the stream is over; `undefined` for a stream that did not end as it should. */
  readonly answer = new Promise<StreamAnswer | undefined>((resolve) => {
    this.#settle = resolve;
  });

  constructor(open: (signal: AbortSignal) => PromiseLike<StreamResult>) {
    this.#opened = this.#open(open);
    // A failure is told to those who join.
    this.#opened.catch(() => {});
  }

  async #open(open: (signal: AbortSignal) => PromiseLike<StreamResult>): Promise<StreamResult> {
    try {
      const result = await open(this.#stop.signal);
      this.#source = result.stream.getReader();
      if (this.#isOver) await this.#source.cancel(this.#stop.signal.reason);
      return result;
    } catch (error) {
      this.#end({ error }, true);
      throw error;
    }
  }

  /** True if who joins now gets everything. */
  get canBeJoined(): boolean {
    return this.#failure === undefined;
  }

  /** The stream from its first part on. With `isCached` it says that it cost nothing. */
  async join(signal: AbortSignal | undefined, isCached: boolean): Promise<StreamResult> {
    this.#readers += 1;
    let isIn = true;
    let giveUp = () => {};
    let unheard = () => {};
    const leave = async (reason?: unknown) => {
      if (!isIn) return;
      isIn = false;
      unheard();
      this.#readers -= 1;
      if (this.#readers === 0) await this.#abandon(reason);
    };
    let out: ReadableStreamDefaultController<StreamPart> | undefined;
    const aborted = new Promise<never>((_, reject) => {
      giveUp = () => {
        reject(signal?.reason);
        out?.error(signal?.reason);
        leave(signal?.reason).catch(() => {});
      };
    });
    aborted.catch(() => {});
    unheard = onAbort(signal, giveUp);
    // By what the model did when it was asked.
    if (signal?.aborted) giveUp();
    let result: StreamResult;
    try {
      result = await Promise.race([this.#opened, aborted]);
    } catch (error) {
      await leave(error);
      throw error;
    }
    let place = 0;
    const stream = new ReadableStream<StreamPart>(
      {
        start: (reader) => {
          out = reader;
        },
        pull: async (reader) => {
          const more = await this.#reaches(place).catch(async (error) => {
            await leave(error);
            throw error;
          });
          if (!isIn) return;
          if (more) {
            reader.enqueue(this.#partFor(place, isCached));
            place += 1;
          } else {
            await leave();
            reader.close();
          }
        },
        cancel: leave,
      },
      { highWaterMark: 0 },
    );
    return isCached ? { stream } : { ...result, stream };
  }

  /** Reads to the end, whoever joins or leaves. */
  async drain(): Promise<void> {
    this.#readers += 1;
    try {
      await this.#opened;
      for (let place = 0; await this.#reaches(place); ) place += 1;
    } catch {
      // A refresh that fails leaves what is stored as it is.
    }
  }

  /** The part at `place`: the model's own for who asked the model, a copy for everyone else. */
  #partFor(place: number, isCached: boolean): StreamPart {
    if (!isCached) return this.#given[place] as StreamPart;
    return givenPart(plainCopy(this.#parts[place] as StreamPart));
  }

  /** Returns true if there is a part at `place`, read if need be. */
  async #reaches(place: number): Promise<boolean> {
    while (place >= this.#parts.length && !this.#isOver) {
      this.#reading ??= this.#read();
      await this.#reading;
    }
    if (place >= this.#parts.length && this.#failure !== undefined) throw this.#failure.error;
    return place < this.#parts.length;
  }

  async #read(): Promise<void> {
    try {
      const { done, value } = await (this.#source as ReadableStreamDefaultReader<StreamPart>).read();
      if (done) this.#end(undefined, false);
      else {
        this.#given.push(value);
        this.#parts.push(plainCopy(value));
      }
    } catch (error) {
      this.#end({ error }, true);
    } finally {
      this.#reading = undefined;
    }
  }

  #end(failure: { error: unknown } | undefined, isBroken: boolean): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#failure = failure;
    this.#settle(isBroken ? undefined : storedStream(this.#parts));
  }

  async #abandon(reason: unknown): Promise<void> {
    if (this.#isOver) return;
    // After its last part a stream is whole, even if nobody waited for the model to close it.
    this.#end({ error: reason }, false);
    this.#stop.abort(reason);
    await this.#source?.cancel(reason);
  }
}
