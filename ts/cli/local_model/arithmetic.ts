/** The local model's solver for word problems: recognises the story, takes its numbers and works it out. */
import { numericSolution, type Solver } from './solution.js';

interface Story {
  told: RegExp;
  /** The working as text and its value, from the numbers of the story in order. */
  work: (...numbers: number[]) => [working: string, value: number];
}

const STORIES: Story[] = [
  {
    told: /buys (\d+) \w+ at \$([\d.]+) each and (\d+) \w+ at \$([\d.]+) each and pays with \$([\d.]+\d|\d+)/,
    work: (a, p, b, q, paid) => [`${paid} - ${a} * ${p} - ${b} * ${q}`, paid! - a! * p! - b! * q!],
  },
  {
    told: /holds (\d+) litres is (\d+)% full.* adds (\d+) litres per minute for (\d+) minutes, then (\d+) litres/,
    work: (size, percent, rate, minutes, drawn) => [
      `${size} * ${percent}% + ${rate} * ${minutes} - ${drawn}`,
      (size! * percent!) / 100 + rate! * minutes! - drawn!,
    ],
  },
  {
    told: /fills (\d+) trays with (\d+) rows of (\d+) rolls each\. (\d+) rolls are burnt .* bags of (\d+)/,
    work: (trays, rows, columns, burnt, bag) => [
      `(${trays} * ${rows} * ${columns} - ${burnt}) / ${bag}, rounded down,`,
      Math.floor((trays! * rows! * columns! - burnt!) / bag!),
    ],
  },
  {
    told: /(\d+) friends share a bill of \$(\d+) and add a tip of (\d+)%/,
    work: (friends, bill, tip) => [`${bill} * ${100 + tip!}% / ${friends}`, (bill! * (100 + tip!)) / 100 / friends!],
  },
  {
    told: /saves \$(\d+) in the first week and in every later week \$(\d+) more .* after (\d+) weeks/,
    work: (first, more, weeks) => [
      `${weeks} * ${first} + ${more} * ${weeks} * ${weeks! - 1} / 2`,
      weeks! * first! + (more! * weeks! * (weeks! - 1)) / 2,
    ],
  },
  {
    told: /receives (\d+) crates of (\d+) \w+ and sells (\d+)/,
    work: (crates, each, sold) => [`${crates} * ${each} - ${sold}`, crates! * each! - sold!],
  },
];

/** Solves word problems of the stories above. A slip is off by one. */
export const arithmetic: Solver = (problem) => {
  for (const { told, work } of STORIES) {
    const found = told.exec(problem);
    if (found) return numericSolution(...work(...found.slice(1).map(Number)));
  }
  return undefined;
};
