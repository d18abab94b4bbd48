/** Progress of a run on stderr: a bar that redraws itself on a terminal, a line now and then anywhere else. */

import { styleFor } from './style.js';
import type { Tally } from './tally.js';
import { count, duration, percent, plural } from './wording.js';

const REDRAW = 100;
const LINE_EVERY = 5000;

interface Output {
  isTTY?: boolean;
  columns?: number;
  write(text: string): unknown;
}

/** The run that is shown. */
export interface Shown {
  /** The number of cases; `undefined` as long as the dataset is not read to its end. */
  total(): number | undefined;
  tally: Tally;
  /** Milliseconds a limit holds the next start back. */
  heldBack(): number;
  /** Milliseconds until so many cases are done; `undefined` when that cannot be told. */
  timeLeft(cases: number): number | undefined;
}

export class Progress {
  readonly #out: Output;
  readonly #shown: Shown;
  readonly #env: NodeJS.ProcessEnv;
  readonly #start = performance.now();
  readonly #bar: boolean;
  readonly #timer: NodeJS.Timeout;
  #nextShare = 0.1;
  #lastLine = performance.now();

  constructor(out: Output, shown: Shown, env: NodeJS.ProcessEnv) {
    this.#out = out;
    this.#shown = shown;
    this.#env = env;
    this.#bar = out.isTTY === true && env.TERM !== 'dumb';
    if (this.#bar) this.#draw();
    this.#timer = setInterval(() => this.#tick(), REDRAW).unref();
  }

  /** Shows the last state and leaves the line, or takes the bar away. */
  stop(): void {
    clearInterval(this.#timer);
    if (this.#bar) this.#out.write('\r\u001b[2K');
    else if (this.#done() > 0) this.#line();
  }

  /** Prints a message without tearing the bar. */
  say(message: string): void {
    this.#out.write(`${this.#bar ? '\r\u001b[2K' : ''}${message}\n`);
    if (this.#bar) this.#draw();
  }

  #done(): number {
    return this.#shown.tally.all.total;
  }

  #tick(): void {
    if (this.#bar) {
      this.#draw();
      return;
    }
    const share = this.#done() / (this.#shown.total() ?? Number.POSITIVE_INFINITY);
    const now = performance.now();
    if (share >= 1 || (share < this.#nextShare && now - this.#lastLine < LINE_EVERY)) return;
    this.#line();
    this.#lastLine = now;
    this.#nextShare = Math.floor(share * 10 + 1) / 10;
  }

  #line(): void {
    this.#out.write(`${this.#counter(true)}  ${this.#facts().join('  ')}\n`);
  }

  /** `1,000/5,000 (20%)`; without a total what is done. */
  #counter(withShare: boolean): string {
    const total = this.#shown.total();
    const done = this.#done();
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

  #draw(): void {
    const columns = this.#out.columns || 80;
    const share = this.#done() / (this.#shown.total() ?? Number.POSITIVE_INFINITY);
    const style = styleFor(this.#out, this.#env);
    const counter = this.#counter(false);
    const facts = this.#facts();
    // The bar takes what the facts leave; on a narrow terminal the last facts go first.
    while (facts.length > 1 && counter.length + facts.join('  ').length + 16 > columns) facts.pop();
    const text = `${counter}  ${facts.join('  ')}`;
    const width = Math.min(30, columns - text.length - 4);
    const full = Math.round(Math.min(1, share) * width);
    const bar = width < 4 ? '' : `${style.good('█'.repeat(full))}${style.dim('░'.repeat(width - full))} `;
    this.#out.write(`\r\u001b[2K${bar}${text}`);
  }
}
