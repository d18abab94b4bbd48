/**
 * The local model: reads a problem, works it out by rules, and is wrong now and then. The same problem always gets the
 * same answer after the same time, because both depend on a hash of its text alone.
 */
import { createHash } from 'node:crypto';
import { arithmetic } from './arithmetic.js';
import { dates } from './dates.js';
import { eligibility } from './eligibility.js';
import type { Solution, Solver } from './solution.js';
import { triage } from './triage.js';
import { units } from './units.js';

/** The name the local model answers to. */
export const LOCAL_MODEL = 'local-rules-1';

/** Each solver and how often it slips, in percent of problems. */
const SOLVERS: [solver: Solver, slips: number][] = [
  [eligibility, 14],
  [arithmetic, 9],
  [dates, 11],
  [units, 6],
  [triage, 12],
];

/** An answer and how the model behaves while it gives it. */
export interface ModelAnswer {
  text: string;
  /** Milliseconds a model of this size would take. */
  time: number;
  /** `true` when the first attempt at this problem is turned away as if the service were busy. */
  busyAtFirst: boolean;
}

/** Answers `problem`. Pure; microseconds. */
export function answer(problem: string): ModelAnswer {
  const digest = createHash('sha256').update(problem).digest();
  const percent = (byte: number) => (digest.readUInt16LE(byte) / 65_536) * 100;
  const text = wording(problem, percent(0), percent(2));
  return { text, time: answerTime(percent(4), text), busyAtFirst: percent(6) < 2 };
}

/** The right answer to `problem` and a wrong one, and how often (percent) the model gives the wrong one. */
export function workOut(problem: string): (Solution & { slips: number }) | undefined {
  for (const [solve, slips] of SOLVERS) {
    const solution = solve(problem);
    if (solution) return { ...solution, slips };
  }
  return undefined;
}

function wording(problem: string, luck: number, style: number): string {
  const solution = workOut(problem);
  if (!solution) return 'I do not know how to work this out.';
  const text = luck < solution.slips ? solution.slip : solution.answer;
  if (!text.startsWith('{') || style < 50) return text;
  return style < 80 ? `\`\`\`json\n${text}\n\`\`\`` : `Going through the rules one by one gives ${text}`;
}

/**
 * 150 ms to the first token, 3 ms for each token after it and a right-skewed rest: a median of about 0.3 s with a tail
 * beyond 1 s, as small hosted models have.
 */
function answerTime(percent: number, text: string): number {
  const rest = -Math.log(1 - percent / 100.01) * 150;
  return 150 + tokens(text) * 3 + Math.min(rest, 1200);
}

/** Returns the number of tokens of a text: one for each four characters, as is usual for English. */
export function tokens(text: string): number {
  return Math.ceil(text.length / 4);
}
