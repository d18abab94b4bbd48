// Score structured answers, rank systems and ask a judge, and say how sure the figures are.
import assert from 'node:assert/strict';
import {
  jsonDiff,
  jsonSchema,
  levenshtein,
  listOverlap,
  llmJudge,
  mcnemar,
  pairedBootstrap,
  summarize,
  weighted,
} from '@aah/ai-evals/scorers';

const schema = { type: 'object', properties: { status: { enum: ['eligible', 'ineligible'] } }, required: ['status'] };
const valid = jsonSchema(schema, { extract: true }).scoreSync(
  undefined,
  'The result:\n```json\n{"status":"maybe"}\n```',
);
console.log(`valid: ${valid.passed} (${valid.explanation})`);
assert.equal(valid.score, 0);

const near = jsonDiff().scoreSync({ city: 'Lisbon', people: 545_000 }, { city: 'Lisboa', people: 550_000 });
const list = listOverlap().scoreSync(['pear', 'apple'], ['apples', 'pear']);
console.log(`near: ${near.score.toFixed(3)}, list: ${list.score.toFixed(3)}`);

// Two systems on the same cases.
const cases = Array.from({ length: 200 }, (_, i) => ({ expected: `answer ${i}`, i }));
const answersOf = (every: number) =>
  cases.map(({ expected, i }) => ({ expected, actual: i % every ? expected : 'no idea' }));
const [before, after] = await Promise.all([answersOf(4), answersOf(10)].map((pairs) => levenshtein().scoreAll(pairs)));
const { passRate, passRateInterval } = summarize(after!);
console.log(`pass rate ${passRate} (${passRateInterval.low.toFixed(3)} to ${passRateInterval.high.toFixed(3)})`);
const { difference, low, high } = pairedBootstrap(
  after!.map(({ score }) => score),
  before!.map(({ score }) => score),
);
const { p } = mcnemar(
  after!.map(({ passed }) => passed),
  before!.map(({ passed }) => passed),
);
console.log(`better by ${difference.toFixed(3)} (${low.toFixed(3)} to ${high.toFixed(3)}), p ${p.toExponential(1)}`);
assert.ok(low > 0 && p < 0.01);

// A judge; a real one calls a model.
const judge = llmJudge({
  rubric: 'The answer names a city.',
  model: async (prompt) => JSON.stringify({ score: prompt.includes('Lisbon') ? 1 : 0, reasoning: 'names Lisbon' }),
});
const both = weighted<string, string>([
  { scorer: levenshtein(), weight: 1 },
  { scorer: judge, weight: 2 },
]);
console.log(await both.score('Lisbon', 'Lisbon, I think'));
