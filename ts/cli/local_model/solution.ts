/** A solution that the local model works out for a problem it understands. */
export interface Solution {
  /** The right answer, worded as a model would. */
  answer: string;
  /** A plausible wrong one, worded the same way. */
  slip: string;
}

/** Reads a problem and works it out; `undefined` when it is not of this solver's kind. */
export type Solver = (problem: string) => Solution | undefined;

/** Both wordings of a numeric answer, with its working; a slip is off by `error`. */
export function numericSolution(working: string, value: number, error = 1): Solution {
  const worded = (n: number) => `${working} = ${tidy(n)}\nA: ${tidy(n)}`;
  return { answer: worded(value), slip: worded(value + error) };
}

/** The shortest decimal within a millionth of `n`, without the dust of binary fractions. */
function tidy(n: number): string {
  return String(Number(n.toFixed(6)));
}
