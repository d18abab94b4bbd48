/**
 * Entries in this thread's heap whose key is one text. Which text has which slot is known here, in a `Map`, and so is when each
 * entry expires: neither a hit nor another value for a live entry calls the engine. They are noted, and the engine reads the
 * notes before it decides anything, so that eviction is what it would be if each were told at once.
 *
 * Invariant: the map has exactly the slots that the engine holds.
 */
import { mapSize, sizeOf, textSize } from '../../value/size.js';
import { hasPassed } from '../clock.js';
import { calls, MemoryTier, type MemoryTierOptions, startOf } from './memory_tier.js';
import { type Extras, type Found, MISS, type TierFigures } from './tier.js';

/**
 * Uses that are noted before the engine is told. A full log is told with one call, which takes some 20 ns for each hit and 50
 * for each other value: no more than the engine would have taken for them at once.
 */
const MOST_USES = 512;
/** Added to the slot of an entry that got another value. */
const REPLACED = 2 ** 31;

/** First arguments of the engine's calls that name an entry by its slot, or a new one that needs no text. */
const FIRST_SLOT = -2;
const NEW = -1;

export class TextTier<V> extends MemoryTier<V, string> {
  readonly #slots = new Map<string, number>();
  /** The number of uses noted, and their slots. */
  readonly #uses: Uint32Array;
  /** When each value that was noted was set, and its bytes. */
  readonly #replacements: Float64Array;
  /** True if another value for a live entry never has another entry leave, and nobody has to be told. */
  readonly #notesReplacements: boolean;
  /** True if the engine counts how often each text was asked for: it then needs the texts of new entries. */
  readonly #countsTexts: boolean;
  /** Lookups of texts that have no slot. */
  #misses = 0;

  constructor(options: MemoryTierOptions<V, string>) {
    const uses = new Uint32Array(1 + MOST_USES);
    const replacements = new Float64Array(2 * uses.length);
    super(options, uses, replacements);
    this.#uses = uses;
    this.#replacements = replacements;
    this.#notesReplacements = options.maxBytes === Number.POSITIVE_INFINITY && options.onEvict === undefined;
    this.#countsTexts = options.policy === 'tinylfu';
  }

  override get(_structure: number, text: string): V | typeof MISS {
    const slot = this.#slots.get(text);
    if (slot === undefined) {
      this.#misses += 1;
      return MISS;
    }
    if (hasPassed(this.deadlines[slot] as number)) return super.get(FIRST_SLOT - slot, '');
    this.#use(slot);
    return this.valueOf(slot);
  }

  override getStale(_structure: number, text: string, window: number): Found<V> | undefined {
    const slot = this.#slots.get(text);
    if (slot === undefined) {
      this.#misses += 1;
      return undefined;
    }
    if (hasPassed(this.deadlines[slot] as number)) return super.getStale(FIRST_SLOT - slot, '', window);
    this.#use(slot);
    return { value: this.valueOf(slot), stale: false };
  }

  override getMany(texts: string, lengths: Uint32Array): (V | typeof MISS)[] {
    let at = 0;
    return Array.from(lengths, (length) => {
      at += length;
      return this.get(0, texts.slice(at - length, at));
    });
  }

  /** Notes a use. */
  #use(note: number): void {
    const uses = this.#uses;
    const count = (uses[0] as number) + 1;
    uses[0] = count;
    uses[count] = note;
    if (count === MOST_USES) calls.settle(this.id);
  }

  protected override liveSlot(_structure: number, text: string): number {
    const slot = this.#slots.get(text);
    return slot === undefined || hasPassed(this.deadlines[slot] as number) ? -1 : slot;
  }

  override set(_structure: number, text: string, value: V, { note, ttl, cost }: Extras<string>): void {
    // First: a getter of the value may use this cache, and change which slot is whose.
    const bytes = sizeOf(value) + textSize(text);
    this.put(this.#structureFor(text), text, text, value, bytes, note, ttl, cost);
  }

  /** Stores `value` for the cache's own time to live. In the place of a live entry, it is noted as a use is. */
  setPlain(text: string, value: V): void {
    const bytes = sizeOf(value) + textSize(text);
    const slot = this.#notesReplacements ? this.#slots.get(text) : undefined;
    if (slot === undefined || hasPassed(this.deadlines[slot] as number)) {
      this.put(this.#structureFor(text), text, text, value, bytes, '', 0, undefined);
      return;
    }
    const at = startOf(this.ttl);
    const place = 2 * ((this.#uses[0] as number) + 1);
    this.#replacements[place] = at;
    this.#replacements[place + 1] = bytes;
    this.values[slot] = value;
    this.deadlines[slot] = at + this.ttl;
    this.costs?.delete(slot);
    this.#use(slot + REPLACED);
  }

  /** Returns the name of a text's entry in the engine's calls. */
  #structureFor(text: string): number {
    const slot = this.#slots.get(text);
    if (slot !== undefined) return FIRST_SLOT - slot;
    return this.#countsTexts ? 0 : NEW;
  }

  override delete(_structure: number, text: string): boolean {
    const slot = this.#slots.get(text);
    if (slot === undefined) return false;
    const isLive = !hasPassed(this.deadlines[slot] as number);
    this.deleteSlot(slot, isLive ? 'deleted' : 'expired');
    return isLive;
  }

  protected override placed(slot: number, key: string): void {
    const before = this.keys[slot];
    if (before === key) return;
    // The engine gives a slot out again without a word when nobody listens.
    if (before !== undefined) this.#slots.delete(before);
    this.#slots.set(key, slot);
  }

  protected override vacated(slot: number): void {
    this.#slots.delete(this.keys[slot] as string);
  }

  protected override emptied(): void {
    this.#slots.clear();
    this.#misses = 0;
  }

  override figures(): TierFigures {
    const figures = super.figures();
    figures.misses += this.#misses;
    if (this.#slots.size > 0) figures.memoryUsage += mapSize(this.#slots.size);
    return figures;
  }
}
