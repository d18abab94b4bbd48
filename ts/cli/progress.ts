/** Progress of runs on stderr: bars that redraw themselves on a terminal, lines now and then anywhere else. */

import { styleFor } from './style.js';
import type { Tally } from './tally.js';
import { count, duration, percent, plural, shortened } from './wording.js';

const REDRAW = 100;
const LINE_EVERY = 5000;
/** Columns of the names of runs. */
const NAME_WIDTH = 24;

interface Output {
  isTTY?: boolean;
  columns?: number;
  rows?: number;
  write(text: string): unknown;
}

/** A run that is shown. */
export interface Shown {
  /** The name of the run among several. */
  label?: string;
  /** The number of cases; `undefined` as long as the dataset is not read to its end. */
  total(): number | undefined;
  tally: Tally;
  /** Milliseconds a limit holds the next start back. */
  heldBack(): number;
  /** Milliseconds until so many cases are done; `undefined` when that cannot be told. */
  timeLeft(cases: number): number | undefined;
}

/** One run's part of the progress. */
class Row {
  readonly #shown: Shown;
  readonly #start = performance.now();
  readonly #width: number;
  #nextShare = 0.1;
  #lastLine = performance.now();

  /** `width`: columns of the name. */
  constructor(shown: Shown, width: number) {
    this.#shown = shown;
    this.#width = width;
  }

  get done(): number {
    return this.#shown.tally.all.total;
  }

  get share(): number {
    return Math.min(1, this.done / (this.#shown.total() ?? Number.POSITIVE_INFINITY));
  }

  /** Returns the line that is due by now; `undefined` when none is. `isEnd`: the runs are over. */
  dueLine(isEnd: boolean): string | undefined {
    const { share } = this;
    const now = performance.now();
    if (isEnd) return this.done > 0 ? this.#line() : undefined;
    if (share >= 1 || (share < this.#nextShare && now - this.#lastLine < LINE_EVERY)) return undefined;
    this.#lastLine = now;
    this.#nextShare = Math.floor(share * 10 + 1) / 10;
    return this.#line();
  }

  /** Returns the bar with its figures, in at most so many columns. */
  bar(columns: number, good: (text: string) => string, dim: (text: string) => string): string {
    const name = this.#name();
    const counter = this.#counter(false);
    const facts = this.#facts();
    const room = columns - name.length;
    // The bar takes what the facts leave; on a narrow terminal the last facts go first.
    while (facts.length > 1 && counter.length + facts.join('  ').length + 16 > room) facts.pop();
    const text = `${counter}  ${facts.join('  ')}`;
    const width = Math.min(30, room - text.length - 4);
    const full = Math.round(this.share * width);
    const bar = width < 4 ? '' : `${good('█'.repeat(full))}${dim('░'.repeat(width - full))} `;
    return `${name}${bar}${text}`;
  }

  #name(): string {
    const { label } = this.#shown;
    return label === undefined ? '' : `${shortened(label, this.#width).padEnd(this.#width)}  `;
  }

  #line(): string {
    return `${this.#name()}${this.#counter(true)}  ${this.#facts().join('  ')}`;
  }

  /** `1,000/5,000 (20%)`; without a total what is done. */
  #counter(withShare: boolean): string {
    const total = this.#shown.total();
    const { done } = this;
    if (total === undefined) return `${count(done)} done`;
    const share = withShare ? ` (${Math.floor((done / total) * 100)}%)` : '';
    return `${count(done)}/${count(total)}${share}`;
  }

  #facts(): string[] {
    const { tally } = this.#shown;
    const { all } = tally;
    const total = this.#shown.total();
    const seconds = (performance.now() - this.#start) / 1000;
    const rate = all.total / Math.max(seconds, 0.001);
    const facts = [`${percent(all.passRate)} passed`];
    if (all.errors > 0) facts.push(plural(all.errors, 'error'));
    facts.push(`${rate >= 10 ? Math.round(rate) : rate.toFixed(1)}/s`);
    const left = total === undefined || all.total >= total ? undefined : this.#shown.timeLeft(total - all.total);
    if (left !== undefined) facts.push(`${duration(left)} left`);
    const held = this.#shown.heldBack();
    if (held > 500) facts.push(`rate limit: ${duration(held)}`);
    return facts;
  }
}

export class Progress {
  readonly #out: Output;
  readonly #rows: readonly Row[];
  readonly #env: NodeJS.ProcessEnv;
  readonly #bars: boolean;
  readonly #timer: NodeJS.Timeout;
  /** Lines on the screen that the next drawing takes the place of. */
  #drawn = 0;

  constructor(out: Output, shown: Shown | readonly Shown[], env: NodeJS.ProcessEnv) {
    this.#out = out;
    this.#env = env;
    const all = Array.isArray(shown) ? (shown as readonly Shown[]) : [shown as Shown];
    const width = Math.min(NAME_WIDTH, Math.max(...all.map(({ label = '' }) => [...label].length)));
    this.#rows = all.map((each) => new Row(each, width));
    this.#bars = out.isTTY === true && env.TERM !== 'dumb';
    if (this.#bars) this.#draw();
    this.#timer = setInterval(() => this.#tick(), REDRAW).unref();
  }

  /** Shows the last state and leaves the lines, or takes the bars away. */
  stop(): void {
    clearInterval(this.#timer);
    if (this.#bars) this.#out.write(this.#erasure());
    else this.#tell(true);
  }

  /** Prints a message without tearing the bars. */
  say(message: string): void {
    if (!this.#bars) {
      this.#out.write(`${message}\n`);
      return;
    }
    this.#out.write(`${this.#erasure()}${message}\n`);
    this.#drawn = 0;
    this.#draw();
  }

  #tick(): void {
    if (this.#bars) this.#draw();
    else this.#tell(false);
  }

  #tell(isEnd: boolean): void {
    for (const row of this.#rows) {
      const line = row.dueLine(isEnd);
      if (line !== undefined) this.#out.write(`${line}\n`);
    }
  }

  /** What takes the drawn lines away, and leaves the cursor where the first of them began. */
  #erasure(): string {
    return this.#drawn > 1 ? `\r\u001b[${this.#drawn - 1}A\u001b[J` : '\r\u001b[2K';
  }

  #draw(): void {
    const style = styleFor(this.#out, this.#env);
    const columns = this.#out.columns || 80;
    const most = Math.max(1, (this.#out.rows || 24) - 2);
    // Where there is no room for all, those that are under way are shown.
    const open = this.#rows.length > most ? this.#rows.filter(({ share }) => share < 1) : this.#rows;
    const lines = open.slice(0, most).map((row) => row.bar(columns, style.good, style.dim));
    const hidden = this.#rows.length - lines.length;
    if (hidden > 0) lines.push(`… and ${plural(hidden, 'other run')}`);
    this.#out.write(`${this.#erasure()}${lines.join('\n')}`);
    this.#drawn = lines.length;
  }
}
