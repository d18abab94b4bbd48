/** The report of a comparison, from the outcomes of its calls. What always holds: it depends on no order of the outcomes. */
import { bootstrapInterval, wilsonInterval } from '../../scorers/index.js';
import type { TestCaseInput, TokenUsage } from '../../types.js';
import { passAtK, passHatK, verdictAgreement } from './consistency.js';
import { holmAdjusted, pairedDifference } from './paired_test.js';
import type { CaseAnswers, CaseComparison, ComparisonReport, ModelDifference, ModelFigures } from './types.js';

/** The outcome of one call. */
export interface Outcome {
  /** Place of the case in the dataset. */
  place: number;
  repeat: number;
  passed: boolean;
  score: number;
  latency: number | undefined;
  tokens: TokenUsage | undefined;
  cost: number | undefined;
  /** Why there is no verdict. */
  error: string | undefined;
}

/** The outcomes of one model, by case. */
export interface ModelOutcomes {
  name: string;
  outcomes: readonly Outcome[];
}

/** The part of a report that follows from the outcomes. */
export type Figures = Pick<ComparisonReport, 'models' | 'differences' | 'winner' | 'leaders' | 'verdict' | 'byCase'>;

/** Resamples that keep a report of many cases within a second or two. */
const resamplesFor = (values: number) => Math.max(500, Math.min(10_000, Math.floor(5e7 / Math.max(1, values))));

/** Works out the figures. O(models² · cases · resamples). */
export function figuresOf(
  testCases: readonly TestCaseInput[],
  all: readonly ModelOutcomes[],
  repeats: number,
  confidence: number,
): Figures {
  const answers = all.map(({ outcomes }) => byCase(testCases.length, outcomes));
  const perCase = testCases.map((testCase, place) => caseComparison(testCase, all, answers, place));
  const wins = winsOf(answers, testCases.length);
  const models = all.map((model, i) => figures(model, answers[i]!, repeats, confidence, wins[i]!));
  const differences = differencesOf(all, answers, confidence);
  const { leaders, winner } = leadersOf(models, differences, 1 - confidence);
  return { models, differences, winner, leaders, verdict: verdictOf(models, leaders, confidence), byCase: perCase };
}

/** The answers of one model to each case; `undefined` where there is none. */
function byCase(cases: number, outcomes: readonly Outcome[]): (CaseAnswers | undefined)[] {
  const groups: Outcome[][] = Array.from({ length: cases }, () => []);
  for (const outcome of outcomes) groups[outcome.place]!.push(outcome);
  return groups.map((group) => {
    if (group.length === 0) return undefined;
    const passed = group.filter((outcome) => outcome.passed).length;
    return {
      passed,
      errors: group.filter(({ error }) => error !== undefined).length,
      repeats: group.length,
      score: mean(group.sort((a, b) => a.repeat - b.repeat).map(({ score }) => score)),
      agreement: verdictAgreement(group.length, passed),
    };
  });
}

function caseComparison(
  testCase: TestCaseInput,
  all: readonly ModelOutcomes[],
  answers: readonly (readonly (CaseAnswers | undefined)[])[],
  place: number,
): CaseComparison {
  const there = all.flatMap(({ name }, i) => {
    const found = answers[i]![place];
    return found ? [[name, found] as const] : [];
  });
  const total = there.reduce((sum, [, { repeats }]) => sum + repeats, 0);
  const passed = there.reduce((sum, [, each]) => sum + each.passed, 0);
  const category = testCase.metadata?.category;
  return {
    testCaseId: testCase.id,
    ...(category === undefined ? {} : { category }),
    models: Object.fromEntries(there),
    agreement: verdictAgreement(total, passed),
  };
}

/** Cases that each model leads, as shares; of cases that every model has answered. */
function winsOf(answers: readonly (readonly (CaseAnswers | undefined)[])[], cases: number): number[] {
  const wins = answers.map(() => 0);
  let counted = 0;
  for (let place = 0; place < cases; place += 1) {
    const scores = answers.map((each) => each[place]?.score);
    if (scores.some((score) => score === undefined)) continue;
    counted += 1;
    const best = Math.max(...(scores as number[]));
    const leading = scores.flatMap((score, i) => (score === best ? [i] : []));
    for (const i of leading) wins[i]! += 1 / leading.length;
  }
  return wins.map((won) => (counted === 0 ? Number.NaN : (100 * won) / counted));
}

function figures(
  { name, outcomes }: ModelOutcomes,
  answers: readonly (CaseAnswers | undefined)[],
  repeats: number,
  confidence: number,
  winRate: number,
): ModelFigures {
  const there = answers.filter((each) => each !== undefined);
  const total = outcomes.length;
  const passed = outcomes.filter((outcome) => outcome.passed).length;
  const errors = outcomes.filter(({ error }) => error !== undefined);
  const answered = outcomes.filter(({ error }) => error === undefined);
  const costs = outcomes.flatMap(({ cost }) => (cost === undefined ? [] : [cost]));
  const latencies = answered.flatMap(({ latency }) => (latency === undefined ? [] : [latency])).sort((a, b) => a - b);
  const messages = new Map<string, number>();
  for (const { error } of errors) messages.set(error!, (messages.get(error!) ?? 0) + 1);
  const shares = there.map((each) => each.passed / each.repeats);
  const scores = there.map(({ score }) => score);
  const figuresOfModel: ModelFigures = {
    ...{ name, total, passed, failed: total - passed - errors.length, errors: errors.length },
    passRate: total === 0 ? Number.NaN : passed / total,
    passRateInterval: rateInterval(shares, repeats, confidence),
    avgScore: mean(scores),
    avgScoreInterval: intervalOf(scores, confidence),
    winRate,
    agreement: mean(there.map(({ agreement }) => agreement)),
    ...estimates(there, repeats),
    latency: { mean: mean(latencies), p50: quantile(latencies, 0.5), p95: quantile(latencies, 0.95) },
    tokens: sumOf(outcomes),
    unpriced: answered.filter(({ cost }) => cost === undefined).length,
    errorMessages: Object.fromEntries(messages),
  };
  if (costs.length > 0) figuresOfModel.cost = sum(costs);
  return figuresOfModel;
}

/** pass@k and pass^k by k, means over the cases with at least k answers. */
function estimates(there: readonly CaseAnswers[], repeats: number): Pick<ModelFigures, 'passAtK' | 'passHatK'> {
  const ks = Array.from({ length: repeats }, (_, i) => i + 1);
  const over = (k: number, estimate: typeof passAtK) => {
    return mean(there.filter((each) => each.repeats >= k).map((each) => estimate(each.repeats, each.passed, k)));
  };
  return { passAtK: ks.map((k) => over(k, passAtK)), passHatK: ks.map((k) => over(k, passHatK)) };
}

/** Several answers to a case are no cases of their own. A bootstrap of all or of none that passed knows no doubt. */
function rateInterval(shares: readonly number[], repeats: number, confidence: number): { low: number; high: number } {
  const passed = shares.filter((share) => share === 1).length;
  const isClear = shares.every((share) => share === 1) || shares.every((share) => share === 0);
  if (repeats === 1 || isClear) return wilsonInterval(passed, shares.length, { confidence });
  return intervalOf(shares, confidence);
}

function intervalOf(values: readonly number[], confidence: number): { low: number; high: number } {
  if (values.length === 0) return { low: Number.NaN, high: Number.NaN };
  const { low, high } = bootstrapInterval(values, { confidence, resamples: resamplesFor(values.length) });
  return { low, high };
}

function differencesOf(
  all: readonly ModelOutcomes[],
  answers: readonly (readonly (CaseAnswers | undefined)[])[],
  confidence: number,
): ModelDifference[] {
  const pairs: Omit<ModelDifference, 'pAdjusted'>[] = [];
  for (const [i, { name: a }] of all.entries()) {
    for (let j = i + 1; j < all.length; j += 1) {
      const [first, second]: [number[], number[]] = [[], []];
      for (const [place, left] of answers[i]!.entries()) {
        const right = answers[j]![place];
        if (!left || !right) continue;
        first.push(left.score);
        second.push(right.score);
      }
      const none = { difference: Number.NaN, low: Number.NaN, high: Number.NaN, p: 1 };
      pairs.push({
        ...{ a, b: all[j]!.name },
        ...(first.length === 0 ? none : pairedDifference(first, second, confidence)),
        better: first.filter((score, place) => score > second[place]!).length,
        worse: first.filter((score, place) => score < second[place]!).length,
      });
    }
  }
  const adjusted = holmAdjusted(pairs.map(({ p }) => p));
  return pairs.map((pair, i) => ({ ...pair, pAdjusted: adjusted[i]! }));
}

/** The best model and those that are not worse by more than chance, best first. */
function leadersOf(
  models: readonly ModelFigures[],
  differences: readonly ModelDifference[],
  alpha: number,
): { leaders: string[]; winner: string | null } {
  const ranked = [...models].filter(({ total }) => total > 0).sort((x, y) => y.avgScore - x.avgScore);
  const [best] = ranked;
  if (!best) return { leaders: [], winner: null };
  const isWorse = ({ name }: ModelFigures) => {
    const pair = differences.find(({ a, b }) => (a === best.name && b === name) || (b === best.name && a === name));
    return pair !== undefined && pair.difference !== 0 && pair.pAdjusted < alpha;
  };
  const leaders = ranked.filter((model) => model === best || !isWorse(model)).map(({ name }) => name);
  return { leaders, winner: leaders.length === 1 && models.length > 1 ? best.name : null };
}

function verdictOf(models: readonly ModelFigures[], leaders: readonly string[], confidence: number): string {
  const [best] = leaders;
  if (best === undefined) return 'Nothing was answered.';
  const score = (name: string) => models.find((model) => model.name === name)!.avgScore.toFixed(3);
  const errors = models.filter((model) => model.errors > 0).map(({ name, errors: count }) => `${name} ${count}`);
  const note = errors.length === 0 ? '' : ` Calls without a verdict count as not passed: ${errors.join(', ')}.`;
  const percent = `${Number((confidence * 100).toFixed(2))} % confidence`;
  if (models.length === 1) return `${best} scores ${score(best)}; there is nothing to compare it with.${note}`;
  if (leaders.length === 1) return `${best} is best with a score of ${score(best)} (${percent}).${note}`;
  const others = leaders.slice(1).map((name) => `${name} (${score(name)})`);
  return `No winner: ${best} scores highest (${score(best)}), but not by more than chance over ${others.join(', ')} (${percent}).${note}`;
}

function sumOf(outcomes: readonly Outcome[]): TokenUsage {
  const all = outcomes.flatMap(({ tokens }) => (tokens ? [tokens] : []));
  return {
    prompt: sum(all.map(({ prompt }) => prompt)),
    completion: sum(all.map(({ completion }) => completion)),
    total: sum(all.map(({ total }) => total)),
  };
}

/** Sorted, so that the sum does not depend on the order in which answers came. */
function sum(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b).reduce((all, value) => all + value, 0);
}

function mean(values: readonly number[]): number {
  return values.length === 0 ? Number.NaN : sum(values) / values.length;
}

/** The quantile of sorted values, linear between two of them. */
function quantile(sorted: readonly number[], share: number): number {
  if (sorted.length === 0) return Number.NaN;
  const at = (sorted.length - 1) * share;
  const [low, high] = [sorted[Math.floor(at)]!, sorted[Math.ceil(at)]!];
  return low + (high - low) * (at - Math.floor(at));
}
