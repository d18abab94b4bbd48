/** Every problem of a dataset, and its cases by category. */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { FieldPath } from '../datasets/field_path.js';
import { DatasetError } from '../errors.js';
import { type Case, caseIn, NO_CATEGORY, records } from './cases.js';
import { UserError } from './user_error.js';

/** The most problems that are kept. */
const MOST = 100;

/** A problem of a dataset. */
export interface DatasetProblem {
  /** From 1; `undefined` where lines say nothing. */
  line: number | undefined;
  /** The number of the case, from 1; `undefined` for a problem of the file. */
  case: number | undefined;
  message: string;
}

/** The outcome of a check. */
export interface DatasetCheck {
  cases: number;
  /** Cases by category. */
  categories: Record<string, number>;
  problems: DatasetProblem[];
  /** Number of all problems. */
  problemCount: number;
  first: Case[];
}

const FIELDS = {
  id: undefined,
  input: undefined,
  expected: new FieldPath('expected'),
  category: undefined,
  actual: undefined,
};

/** Reads a whole dataset. `first`: the cases that are kept. Ids are compared. O(its size); memory for its ids. */
export async function checkDataset(file: string, first = 0): Promise<DatasetCheck> {
  const categories = new Map<string, number>();
  const seen = new Map<string, number>();
  const check: DatasetCheck = { cases: 0, categories: {}, problems: [], problemCount: 0, first: [] };
  const add = (message: string, at?: number): void => {
    check.problemCount += 1;
    if (check.problems.length < MOST) check.problems.push({ line: undefined, case: at, message });
  };
  try {
    for await (const batch of records(file)) {
      for (const record of batch) {
        check.cases += 1;
        const one = caseIn(record, check.cases - 1, FIELDS);
        if (typeof one === 'string') {
          add(one, check.cases);
          continue;
        }
        const before = seen.get(one.id);
        if (before !== undefined) add(`the id ${JSON.stringify(one.id)} is that of case ${before} too`, check.cases);
        else seen.set(one.id, check.cases);
        categories.set(one.category, (categories.get(one.category) ?? 0) + 1);
        if (check.first.length < first) check.first.push(one);
      }
    }
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const { line } = error.cause instanceof DatasetError ? error.cause : { line: undefined };
    check.problemCount += 1;
    check.problems.push({ line, case: undefined, message: error.message });
  }
  if (check.cases === 0 && check.problemCount === 0) add('there is no case in it');
  check.categories = Object.fromEntries(
    [...categories].filter(([name]) => categories.size > 1 || name !== NO_CATEGORY),
  );
  await placeProblems(file, check.problems);
  return check;
}

/** Finds the lines of cases in JSON lines, in one reading. */
async function placeProblems(file: string, problems: readonly DatasetProblem[]): Promise<void> {
  const placed = problems.filter((problem) => problem.case !== undefined);
  const open = new Map(placed.map((problem) => [problem.case, problem]));
  if (open.size === 0 || !/\.(jsonl|ndjson)$/i.test(file)) return;
  const lines = createInterface({ input: createReadStream(file, 'utf8'), crlfDelay: Number.POSITIVE_INFINITY });
  let [line, record] = [0, 0];
  for await (const text of lines) {
    line += 1;
    if (text.trim() === '') continue;
    record += 1;
    const problem = open.get(record);
    if (problem) problem.line = line;
  }
}
