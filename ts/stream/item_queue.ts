/**
 * A first-in first-out queue of any values whose memory has a limit.
 *
 * Three parts in order:
 * - the head: up to `maxItems` values and `maxBytes` in the heap;
 * - chunks that left the heap: compressed in native memory as far as `maxBytes` leaves room, then in a temporary file;
 * - the tail: values that wait to be made the next chunk.
 *
 * Values that cannot be cloned stay in the heap, beside their chunk, and count there. Push and take are O(size of the item).
 * Each value is encoded at most once, as it is at that moment.
 */
import { AiEvalsError } from '../errors.js';
import { guarded, native } from '../native.js';
import { type ChunkForm, decode, encode } from './chunk_codec.js';
import { HeapItems, heldBytes, type Weighed } from './heap_items.js';

type SpillQueue = InstanceType<typeof native.SpillQueue>;

/** The limits of an {@link ItemQueue}. */
export interface QueueLimits {
  maxItems: number;
  maxBytes: number;
  /** The directory of temporary files. */
  directory: string;
}

interface Chunk<T> {
  count: number;
  /** The encoding of the chunk's bytes in the native queue; `undefined`: all its items are in `kept`. */
  form: ChunkForm | undefined;
  /** Items that stayed in the heap, by their place in the chunk. */
  kept: Map<number, Weighed<T>>;
}

export class ItemQueue<T> {
  readonly #limits: QueueLimits;
  readonly #chunkBytes: number;
  readonly #head = new HeapItems<T>();
  #chunks: Chunk<T>[] = [];
  #chunkAt = 0;
  #chunkedItems = 0;
  /** Bytes of the items that stayed in the heap beside the chunks. */
  #keptBytes = 0;
  #tail: Weighed<T>[] = [];
  #tailBytes = 0;
  #spilled: SpillQueue | undefined;
  #nativeBytes = 0;

  constructor(limits: QueueLimits) {
    this.#limits = limits;
    this.#chunkBytes = Math.max(1024, Math.min(64 * 1024, limits.maxBytes / 8));
  }

  /** Items held, wherever they are. */
  get length(): number {
    return this.#head.length + this.#chunkedItems + this.#tail.length;
  }

  /** Bytes of memory held: estimated in the heap, exact outside of it. What is on disk is not memory. */
  get bytes(): number {
    return this.#heapBytes + this.#nativeBytes;
  }

  get #heapBytes(): number {
    return this.#head.bytes + this.#keptBytes + this.#tailBytes;
  }

  /** Returns whether items are held outside the head. No push goes to the head again before they are taken. */
  get spilling(): boolean {
    return this.#chunkedItems > 0 || this.#tail.length > 0;
  }

  /** Returns whether an item of `bytes` fits into the heap part. */
  #fits(bytes: number): boolean {
    const items = this.#head.length;
    if (this.spilling || items >= this.#limits.maxItems) return false;
    return items === 0 || this.#head.bytes + bytes <= this.#limits.maxBytes;
  }

  /** Returns whether the heap part refuses an item of `bytes`, and for which limit. */
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
      this.#head.push(item, bytes);
      return;
    }
    if (!this.spilling && this.#head.bytes + bytes > this.#limits.maxBytes) this.#makeRoom();
    if (this.#tail.length > 0 && this.#tailBytes + bytes > this.#chunkBytes) this.#sealTail();
    this.#tail.push({ item, bytes });
    this.#tailBytes += bytes;
  }

  /** Puts items that were taken, and not used, before all others. */
  putBack(items: T[]): void {
    this.#head.putBack(
      items,
      items.map((item) => heldBytes(item)),
    );
  }

  /**
   * The first items, at most `max`; fewer only when the queue has fewer, or what is behind them cannot be read back: the
   * next call then throws `AiEvalsError` `ERR_STORAGE`.
   */
  take(max: number): T[] {
    const taken = this.#head.take(max);
    while (taken.length < max) {
      try {
        if (!this.#refill()) break;
      } catch (error) {
        if (taken.length === 0) throw error;
        break;
      }
      for (const item of this.#head.take(max - taken.length)) taken.push(item);
    }
    return taken;
  }

  /**
   * Brings back the next of what left the heap, unless the first `wanted` items are there, or it cannot be read ({@link take}
   * tells). Whether it did.
   */
  load(wanted: number): boolean {
    if (this.#head.length >= wanted) return false;
    try {
      return this.#refill();
    } catch (error) {
      if (!(error instanceof AiEvalsError)) throw error;
      return false;
    }
  }

  /** Drops everything, temporary files included. */
  clear(): void {
    this.#head.clear();
    this.#chunks = [];
    this.#chunkAt = 0;
    this.#chunkedItems = 0;
    this.#keptBytes = 0;
    this.#tail = [];
    this.#tailBytes = 0;
    const spilled = this.#spilled;
    if (spilled) this.#natively(() => spilled.clear());
  }

  /** Moves the last quarter of a full head out of the heap, so that what comes behind it has room to wait. */
  #makeRoom(): void {
    const moved = this.#head.takeBehind(this.#head.bytes - this.#limits.maxBytes / 4);
    for (const { item, bytes } of moved) {
      this.#tail.push({ item, bytes });
      this.#tailBytes += bytes;
      if (this.#tailBytes > this.#chunkBytes) this.#trySeal();
    }
  }

  /** Seals the tail, which only stays when nothing can be written; the push that follows reports it. */
  #trySeal(): void {
    try {
      this.#sealTail();
    } catch (error) {
      if (!(error instanceof AiEvalsError)) throw error;
    }
  }

  /** Makes the tail a chunk outside the heap. When that cannot be written the tail stays as it is. */
  #sealTail(): void {
    const { bytes, form, kept } = encode(this.#tail.map(({ item }) => item));
    const chunk: Chunk<T> = { count: this.#tail.length, form: bytes && form, kept: new Map() };
    let keptBytes = 0;
    for (const at of kept) {
      const weighed = this.#tail[at] as Weighed<T>;
      chunk.kept.set(at, weighed);
      keptBytes += weighed.bytes;
    }
    if (bytes) {
      const spilled = this.#spillQueue();
      // What leaves the heap makes room for its compressed self and for the next tail.
      const left = this.#limits.maxBytes - (this.#head.bytes + this.#keptBytes + keptBytes) - this.#chunkBytes;
      const room = Math.min(Number.MAX_SAFE_INTEGER, Math.max(0, Math.floor(left)));
      this.#natively(() => spilled.push(bytes, room));
    }
    this.#keptBytes += keptBytes;
    this.#chunks.push(chunk);
    this.#chunkedItems += chunk.count;
    this.#tail = [];
    this.#tailBytes = 0;
  }

  /** Appends the next chunk, or the tail, to the head. */
  #refill(): boolean {
    const chunk = this.#chunks[this.#chunkAt];
    if (!chunk) {
      if (this.#tail.length === 0) return false;
      for (const { item, bytes } of this.#tail) this.#head.push(item, bytes);
      this.#tail = [];
      this.#tailBytes = 0;
      return true;
    }
    let items: T[] = [];
    let each = 0;
    if (chunk.form) {
      const spilled = this.#spillQueue();
      const bytes = Buffer.allocUnsafeSlow(guarded(() => spilled.nextBytes()));
      this.#natively(() => spilled.popInto(bytes));
      items = decode<T>(bytes, chunk.form);
      each = bytes.length / Math.max(1, chunk.count - chunk.kept.size);
    }
    const sizes = new Array<number>(chunk.count).fill(each);
    for (const [at, { item, bytes }] of chunk.kept) {
      items[at] = item;
      sizes[at] = bytes;
      this.#keptBytes -= bytes;
    }
    this.#chunkedItems -= chunk.count;
    this.#chunkAt += 1;
    if (this.#chunkAt > 64 && this.#chunkAt * 2 > this.#chunks.length) {
      this.#chunks = this.#chunks.slice(this.#chunkAt);
      this.#chunkAt = 0;
    }
    this.#head.pushPart(items, sizes);
    return true;
  }

  #natively(call: () => void): void {
    guarded(call);
    this.#nativeBytes = this.#spilled?.memoryBytes() ?? 0;
  }

  #spillQueue(): SpillQueue {
    this.#spilled ??= guarded(() => new native.SpillQueue(this.#limits.directory));
    return this.#spilled;
  }
}
