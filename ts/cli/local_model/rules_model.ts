/**
 * The local models: they read a problem, work it out by rules, and are wrong now and then. The same model gives the same
 * answer to the same problem and seed after the same time, because both depend on a hash of these alone.
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

/** Each local model and how often it slips, as a multiple of the rates of the first. */
const SLIPS: Readonly<Record<string, number>> = {
  [LOCAL_MODEL]: 1,
  [`${LOCAL_MODEL}-small`]: 3,
  [`${LOCAL_MODEL}-large`]: 0.3,
};

/** Names of the local models. */
export const LOCAL_MODELS: readonly string[] = Object.keys(SLIPS);

/** Each kind of problem, its solver and how often that slips, in percent of problems. */
const SOLVERS: [kind: string, solver: Solver, slips: number][] = [
  ['eligibility rules', eligibility, 14],
  ['word problems', arithmetic, 9],
  ['dates and times', dates, 11],
  ['conversions of units', units, 6],
  ['sorting of messages', triage, 12],
];

/** The reason why a local model has no answer to a problem of another kind. */
export const UNKNOWN_KIND =
  `the local models answer by rules only for the bundled kinds of problems (${SOLVERS.map(([kind]) => kind).join(', ')}), ` +
  'and this is none of them';

/** An answer and how the model behaves while it gives it. */
export interface ModelAnswer {
  text: string;
  /** Milliseconds a model of this size would take. */
  time: number;
  /** `true` when the first attempt at this problem is turned away as if the service were busy. */
  busyAtFirst: boolean;
}

/** Answers `problem`; `undefined` when it is of no kind that the models know. Pure; microseconds. */
export function answer(problem: string, model = LOCAL_MODEL, seed?: number): ModelAnswer | undefined {
  const solution = workOut(problem);
  if (!solution) return undefined;
  const isFirst = model === LOCAL_MODEL && seed === undefined;
  const hashed = isFirst ? problem : JSON.stringify([model, seed ?? null, problem]);
  const digest = createHash('sha256').update(hashed).digest();
  const percent = (byte: number) => (digest.readUInt16LE(byte) / 65_536) * 100;
  const slips = solution.slips * (SLIPS[model] ?? 1);
  const text = wording(percent(0) < slips ? solution.slip : solution.answer, percent(2));
  return { text, time: answerTime(percent(4), text), busyAtFirst: percent(6) < 2 };
}

/** The right answer to `problem` and a wrong one, and how often (percent) the model gives the wrong one. */
export function workOut(problem: string): (Solution & { slips: number }) | undefined {
  for (const [, solve, slips] of SOLVERS) {
    const solution = solve(problem);
    if (solution) return { ...solution, slips };
  }
  return undefined;
}

function wording(text: string, style: number): string {
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
