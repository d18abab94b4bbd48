/**
 * A first-in first-out queue of any values whose memory has a limit.
 *
 * Three parts in order: the head, up to `maxItems` values and `maxBytes` in the heap; chunks that left the heap, compressed
 * in native memory as far as `maxBytes` leaves room and then in a temporary file; the tail, values that wait to be made the
 * next chunk. Values that cannot be cloned stay in the heap, beside their chunk, and count there. Push and take are O(size
 * of the item); each value is encoded at most once.
 */
import { AiEvalsError } from '../errors.js';
import { guarded, native } from '../native.js';
import { decode, type EncodedChunk, encode } from './chunk_codec.js';
import { heldBytes, measure } from './held_size.js';

type OverflowQueue = InstanceType<typeof native.OverflowQueue>;

/** The limits of an {@link ItemQueue}. */
export interface QueueLimits {
  maxItems: number;
  maxBytes: number;
  /** Where temporary files go. */
  directory: string;
}

interface Chunk<T> {
  count: number;
  /** How the chunk's bytes in the native queue are encoded; `undefined`: all its items are in `kept`. */
  form: 'json' | 'clone' | undefined;
  /** Items that stayed in the heap, by their place in the chunk. */
  kept: Map<number, { item: T; bytes: number }>;
}

interface Waiting<T> {
  item: T;
  bytes: number;
  form: 'json' | 'clone' | 'kept';
}

export class ItemQueue<T> {
  readonly #limits: QueueLimits;
  readonly #chunkBytes: number;
  #head: T[] = [];
  /** Size of each item of the head, or one size for all. */
  #headBytes: number[] | number = [];
  #headAt = 0;
  #chunks: Chunk<T>[] = [];
  #chunkAt = 0;
  #chunkedItems = 0;
  #tail: Waiting<T>[] = [];
  #tailBytes = 0;
  #heapBytes = 0;
  #overflow: OverflowQueue | undefined;
  #nativeBytes = 0;

  constructor(limits: QueueLimits) {
    this.#limits = limits;
    this.#chunkBytes = Math.max(1024, Math.min(64 * 1024, limits.maxBytes / 8));
  }

  /** Items held, wherever they are. */
  get length(): number {
    return this.#head.length - this.#headAt + this.#chunkedItems + this.#tail.length;
  }

  /** Bytes of memory held: estimated in the heap, exact outside of it. What is on disk is not memory. */
  get bytes(): number {
    return this.#heapBytes + this.#nativeBytes;
  }

  /** Whether items are held outside the head: a push does not go to the head again before they are taken. */
  get overflowing(): boolean {
    return this.#chunkedItems > 0 || this.#tail.length > 0;
  }

  /** Whether an item of `bytes` fits into the heap part. */
  #fits(bytes: number): boolean {
    const items = this.#head.length - this.#headAt;
    if (this.overflowing || items >= this.#limits.maxItems) return false;
    return items === 0 || this.#heapBytes + bytes <= this.#limits.maxBytes;
  }

  /** Whether the heap part refuses an item of `bytes`, and for which limit. */
  pressure(bytes: number): 'items' | 'bytes' | undefined {
    if (this.length === 0) return undefined;
    if (this.bytes + bytes > this.#limits.maxBytes) return 'bytes';
    return this.length >= this.#limits.maxItems ? 'items' : undefined;
  }

  /**
   * Appends `item`, of which `bytes` is the size.
   * Throws `AiEvalsError` `ERR_STORAGE` when it would have to leave the heap and cannot (disk full): it is then not in
   * the queue, and all that was stays.
   */
  push(item: T, bytes = heldBytes(item)): void {
    if (this.#fits(bytes)) {
      this.#headSizes().push(bytes);
      this.#head.push(item);
    } else {
      if (!this.overflowing && this.#heapBytes + bytes > this.#limits.maxBytes) this.#makeRoom();
      if (this.#tail.length > 0 && this.#tailBytes + bytes > this.#chunkBytes) this.#sealTail();
      this.#tail.push({ item, bytes, form: formOf(item) });
      this.#tailBytes += bytes;
    }
    this.#heapBytes += bytes;
  }

  /** Appends a batch that was read and is handed on at once: `bytes` in all, no measure of each, always in the heap. */
  pushRead(items: T[], bytes: number): void {
    const left = this.#head.length - this.#headAt;
    const leftBytes = this.#heapBytes;
    this.#head = left === 0 ? items : this.#head.slice(this.#headAt).concat(items);
    this.#headAt = 0;
    this.#heapBytes += bytes;
    this.#headBytes = (leftBytes + bytes) / Math.max(1, this.#head.length);
  }

  /** The first items, at most `max`; fewer only when the queue has fewer. */
  take(max: number): T[] {
    let taken: T[] = [];
    while (taken.length < max && (this.#headAt < this.#head.length || this.#refill())) {
      const end = Math.min(this.#head.length, this.#headAt + max - taken.length);
      const part = this.#head.slice(this.#headAt, end);
      this.#head.fill(undefined as T, this.#headAt, end);
      const sizes = this.#headBytes;
      if (typeof sizes === 'number') this.#heapBytes -= sizes * part.length;
      else for (let at = this.#headAt; at < end; at += 1) this.#heapBytes -= sizes[at] as number;
      this.#headAt = end;
      taken = taken.length === 0 ? part : taken.concat(part);
      this.#trimHead();
    }
    return taken;
  }

  #headSizes(): number[] {
    if (typeof this.#headBytes === 'number')
      this.#headBytes = new Array<number>(this.#head.length).fill(this.#headBytes);
    return this.#headBytes;
  }

  /** Gives back the part of the head that was taken. */
  #trimHead(): void {
    if (this.#headAt === this.#head.length) {
      this.#head = [];
      this.#headBytes = [];
      this.#headAt = 0;
      if (this.length === 0) this.#heapBytes = 0;
    } else if (this.#headAt > 1024 && this.#headAt * 2 > this.#head.length) {
      this.#head = this.#head.slice(this.#headAt);
      if (typeof this.#headBytes !== 'number') this.#headBytes = this.#headBytes.slice(this.#headAt);
      this.#headAt = 0;
    }
  }

  /** Drops everything, temporary files included. */
  clear(): void {
    this.#head = [];
    this.#headBytes = [];
    this.#headAt = 0;
    this.#chunks = [];
    this.#chunkAt = 0;
    this.#chunkedItems = 0;
    this.#tail = [];
    this.#tailBytes = 0;
    this.#heapBytes = 0;
    const overflow = this.#overflow;
    if (overflow) this.#natively(() => overflow.clear());
  }

  /** Moves the last quarter of a full head out of the heap, so that what comes behind it has room to wait. */
  #makeRoom(): void {
    const sizes = this.#headSizes();
    const goal = this.#heapBytes - this.#limits.maxBytes / 4;
    let end = this.#head.length;
    for (let left = this.#heapBytes; end > this.#headAt + 1 && left > goal; end -= 1) left -= sizes[end - 1] as number;
    const moved = this.#head.slice(end);
    const movedSizes = sizes.slice(end);
    this.#head.length = end;
    sizes.length = end;
    for (const [at, item] of moved.entries()) {
      const bytes = movedSizes[at] as number;
      this.#tail.push({ item, bytes, form: formOf(item) });
      this.#tailBytes += bytes;
      if (this.#tailBytes > this.#chunkBytes) this.#trySeal();
    }
  }

  /** Where nothing can be written the tail only stays; the push that follows reports it. */
  #trySeal(): void {
    try {
      this.#sealTail();
    } catch (error) {
      if (!(error instanceof AiEvalsError)) throw error;
    }
  }

  /** Makes the tail a chunk outside the heap. When that cannot be written the tail stays as it is. */
  #sealTail(): void {
    const encoded = this.#encodeTail();
    const chunk: Chunk<T> = { count: this.#tail.length, form: encoded?.form, kept: new Map() };
    let moved = 0;
    for (const [at, { item, bytes, form }] of this.#tail.entries()) {
      if (form === 'kept') chunk.kept.set(at, { item, bytes });
      else moved += bytes;
    }
    if (encoded) {
      const overflow = this.#overflowQueue();
      // What leaves the heap makes room for its compressed self and for the next tail.
      const left = this.#limits.maxBytes - (this.#heapBytes - moved) - this.#chunkBytes;
      const room = Math.min(Number.MAX_SAFE_INTEGER, Math.max(0, Math.floor(left)));
      this.#natively(() => overflow.push(encoded.bytes, room));
    }
    this.#heapBytes -= moved;
    this.#chunks.push(chunk);
    this.#chunkedItems += chunk.count;
    this.#tail = [];
    this.#tailBytes = 0;
  }

  /**
   * The tail encoded, with `null` for what stays in the heap; `undefined` when all of it does. An item that looked as if it
   * could leave and cannot (a `Proxy`, a detached buffer, one nested too deep) stays, too.
   */
  #encodeTail(): EncodedChunk | undefined {
    for (;;) {
      const leaving = this.#tail.filter(({ form }) => form !== 'kept');
      if (leaving.length === 0) return undefined;
      const form = leaving.some((waiting) => waiting.form === 'clone') ? 'clone' : 'json';
      try {
        const items = this.#tail.map((waiting) => (waiting.form === 'kept' ? null : waiting.item));
        return encode(items, form);
      } catch {
        const failing = leaving.filter(({ item }) => !canEncode(item, form));
        for (const waiting of failing.length > 0 ? failing : leaving) waiting.form = 'kept';
      }
    }
  }

  /** Fills the empty head with the next chunk, or the tail. */
  #refill(): boolean {
    const chunk = this.#chunks[this.#chunkAt];
    if (!chunk) {
      if (this.#tail.length === 0) return false;
      this.#head = this.#tail.map(({ item }) => item);
      this.#headBytes = this.#tail.map(({ bytes }) => bytes);
      this.#headAt = 0;
      this.#tail = [];
      this.#tailBytes = 0;
      return true;
    }
    let items: T[];
    let each = 0;
    if (chunk.form) {
      const overflow = this.#overflowQueue();
      const bytes = Buffer.allocUnsafeSlow(guarded(() => overflow.nextBytes()));
      this.#natively(() => overflow.popInto(bytes));
      items = decode<T>({ bytes, form: chunk.form });
      each = bytes.length / Math.max(1, chunk.count - chunk.kept.size);
      this.#heapBytes += bytes.length;
    } else {
      items = new Array<T>(chunk.count);
    }
    const sizes = new Array<number>(chunk.count).fill(each);
    for (const [at, { item, bytes }] of chunk.kept) {
      items[at] = item;
      sizes[at] = bytes;
    }
    this.#chunkedItems -= chunk.count;
    this.#chunkAt += 1;
    if (this.#chunkAt > 64 && this.#chunkAt * 2 > this.#chunks.length) {
      this.#chunks = this.#chunks.slice(this.#chunkAt);
      this.#chunkAt = 0;
    }
    this.#head = items;
    this.#headBytes = sizes;
    this.#headAt = 0;
    return true;
  }

  #natively(call: () => void): void {
    guarded(call);
    this.#nativeBytes = this.#overflow?.memoryBytes() ?? 0;
  }

  #overflowQueue(): OverflowQueue {
    this.#overflow ??= guarded(() => new native.OverflowQueue(this.#limits.directory));
    return this.#overflow;
  }
}

/** Whether and how `item` can leave the heap, as far as its structure tells; one that cannot be looked at cannot. */
function formOf(item: unknown): Waiting<unknown>['form'] {
  try {
    return measure(item).form;
  } catch {
    return 'kept';
  }
}

function canEncode(item: unknown, form: EncodedChunk['form']): boolean {
  try {
    encode([item], form);
    return true;
  } catch {
    return false;
  }
}
