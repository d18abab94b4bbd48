/** The local model's solver for eligibility rules: reads the stated rules and the applicant, answers with JSON. */
import type { Solution, Solver } from './solution.js';

type Reader = (
  problem: string,
) => { rules: [name: string, met: boolean][]; detail: Record<string, unknown> } | undefined;

/** The groups of `pattern` in `problem` as numbers; throws nothing, gives `undefined` without a match. */
function numbers(problem: string, pattern: RegExp): number[] | undefined {
  return pattern.exec(problem)?.slice(1).map(Number);
}

const housing: Reader = (problem) => {
  const age = numbers(problem, /age from (\d+) to (\d+)/);
  const income = numbers(problem, /income at most (\d+) plus (\d+) for each dependant/);
  const years = numbers(problem, /resident for at least (\d+) year/);
  const person = numbers(problem, /age (\d+), yearly income (\d+), dependants (\d+), resident for (\d+) year/);
  if (!age || !income || !years || !person) return undefined;
  const incomeLimit = income[0]! + income[1]! * person[2]!;
  return {
    rules: [
      ['age', person[0]! >= age[0]! && person[0]! <= age[1]!],
      ['income', person[1]! <= incomeLimit],
      ['residence', person[3]! >= years[0]!],
    ],
    detail: { incomeLimit },
  };
};

const equipment: Reader = (problem) => {
  const rules = numbers(problem, /score at least (\d+); certificate at most (\d+) months old; fewer than (\d+) open/);
  const person = numbers(problem, /score (\d+), certificate (\d+) months old, open loans (\d+)/);
  if (!rules || !person) return undefined;
  return {
    rules: [
      ['training', person[0]! >= rules[0]!],
      ['certificate', person[1]! <= rules[1]!],
      ['loans', person[2]! < rules[2]!],
    ],
    detail: { loansLeft: Math.max(0, rules[2]! - person[2]!) },
  };
};

function seconds(time: string): number {
  return time.split(':').reduce((sum, part) => sum * 60 + Number(part), 0);
}

const race: Reader = (problem) => {
  const rule =
    /time at most ([\d:]+) under the age of (\d+) and at most ([\d:]+) from \2 on; at least (\d+) marathon/.exec(
      problem,
    );
  const person = /age (\d+), qualifying time ([\d:]+), marathons finished (\d+), entry fee (not )?paid/.exec(problem);
  if (!rule || !person) return undefined;
  const timeLimit = (Number(person[1]) < Number(rule[2]) ? rule[1] : rule[3])!;
  return {
    rules: [
      ['time', seconds(person[2]!) <= seconds(timeLimit)],
      ['finishes', Number(person[3]) >= Number(rule[4])],
      ['fee', person[4] === undefined],
    ],
    detail: { timeLimit },
  };
};

/** Solves eligibility problems. A slip overlooks the first unmet rule, or invents one. */
export const eligibility: Solver = (problem): Solution | undefined => {
  const read = housing(problem) ?? equipment(problem) ?? race(problem);
  if (!read) return undefined;
  const unmet = read.rules.filter(([, met]) => !met).map(([name]) => name);
  const overlooked = unmet.length > 0 ? unmet.slice(1) : [read.rules[0]![0]];
  const reply = (names: string[]) => JSON.stringify({ eligible: names.length === 0, unmet: names, ...read.detail });
  return { answer: reply(unmet), slip: reply(overlooked) };
};
