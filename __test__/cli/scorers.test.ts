import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import * as scorers from '@aah/ai-evals/scorers';
import { describe, expect, test } from 'vitest';
import { command, directory, jsonl, provider, refuse } from './command.js';

const require = createRequire(import.meta.url);
const { FACTORIES, readScorerArgument } =
  require('../../.facade/cli/scorer_argument.js') as typeof import('../../ts/cli/scorer_argument.js');

const reportOf = (dir: string) => JSON.parse(readFileSync(join(dir, 'out.json'), 'utf8'));
const scored = async (records: object[], args: string[], files: Record<string, string> = {}) => {
  const dir = directory({ 'c.jsonl': jsonl(records), ...files });
  const given = args.flatMap((arg) => (arg.startsWith('--') ? [arg] : ['--scorer', arg]));
  const run = ['run', 'c.jsonl', '--actual-field', 'actual', '--json', 'out.json', '--allow-errors', ...given];
  const outcome = await command(run, {}, dir);
  return { ...outcome, report: outcome.code === 0 ? reportOf(dir) : undefined };
};
const refused = async (scorer: string, files: Record<string, string> = {}) => {
  const { code, stderr, stdout } = await scored([{ expected: 'a', actual: 'a' }], [scorer], files);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  return stderr;
};

const cat = { id: 'cat', expected: 'the cat sat on the mat', actual: 'the cats sat on a mat' };

describe('readScorerArgument', () => {
  test('knows every factory of @aah/ai-evals/scorers', () => {
    const factories = Object.entries(scorers)
      .filter(([name, value]) => typeof value === 'function' && /^[a-z]/.test(name))
      .map(([name]) => name);
    const figures = [
      ...['bootstrapInterval', 'calculateMetrics', 'classificationReport', 'corpusBleu', 'corpusChrf', 'corpusTer'],
      ...['f1Scorer', 'formatMetricsReport', 'metricsToCSV', 'metricsToJSON', 'precisionScorer', 'recallScorer'],
      ...['createScorer', 'mcnemar', 'ndcgFromScores', 'pairedBootstrap', 'scoreResult', 'summarize', 'wilsonInterval'],
    ];
    expect(Object.keys(FACTORIES).sort()).toEqual(factories.filter((name) => !figures.includes(name)).sort());
  });

  test.each([
    ['rouge', {}],
    ['rouge:type=rougeL,stemmer', { type: 'rougeL', stemmer: true }],
    ['rouge:stemmer=false,threshold=0.5', { stemmer: false, threshold: 0.5 }],
    ['pattern:source=a,b', { source: 'a', b: true }],
    ['pattern:{"source":"a,b"}', { source: 'a,b' }],
    ['pattern:source=42', { source: '42' }],
    ['pattern:source=^\\d{1,3}:x=y$', { source: '^\\d{1,3}:x=y$' }],
    ['llmJudge:rubric=Is it kind, and right?,threshold=0.7', { rubric: 'Is it kind, and right?', threshold: 0.7 }],
  ])('reads %s', (text, options) => {
    expect(readScorerArgument(text)).toEqual({ label: text, name: text.split(':')[0], options });
  });
});

describe('--scorer', () => {
  test('gives the scores of the library, for several scorers by their texts', async () => {
    const labels = ['rouge:type=rougeL,stemmer', 'levenshtein', 'chrf'];
    const { report, stdout } = await scored([cat, { id: 'same', expected: 'x', actual: 'x' }], labels);
    const direct = [scorers.rouge({ type: 'rougeL', stemmer: true }), scorers.levenshtein(), scorers.chrf()];
    for (const [i, label] of labels.entries()) {
      const score = direct[i]!.scoreSync(cat.expected, cat.actual);
      expect(report.results[0].scores[label]).toEqual(score);
      const figures = scorers.summarize([score, direct[i]!.scoreSync('x', 'x')]);
      expect(report.scorers[label].mean).toBeCloseTo(figures.mean, 12);
      expect(report.scorers[label]).toMatchObject({ count: 2, unusable: 0, passed: figures.passed });
      expect(report.scorers[label].passRateInterval).toEqual(figures.passRateInterval);
      expect(report.scorers[label].meanInterval.low).toBeLessThanOrEqual(figures.mean);
      expect(stdout).toContain(figures.mean.toFixed(3));
    }
    expect(stdout).toMatch(/scorer +mean +95 % interval +passed +95 % interval/);
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  });

  test('passes a case when every scorer passes it, with the least of the scores', async () => {
    const { report } = await scored([cat], ['contains', 'levenshtein:threshold=0.5', 'exact']);
    const [{ passed, score, scores }] = report.results;
    expect(scores['levenshtein:threshold=0.5'].passed).toBe(true);
    expect({ passed, score, exact: scores.exact.passed }).toEqual({ passed: false, score: 0, exact: false });
    expect((await scored([cat], ['levenshtein:threshold=0.5', 'chrf:threshold=0.1'])).report.passed).toBe(1);
  });

  test('takes first arguments by name', async () => {
    const { report } = await scored(
      [{ id: 'a', expected: ['d1', 'd2'], actual: ['d1', 'x', 'd2'] }],
      ['precisionAtK:k=2', 'recallAtK:k=3', 'hitAtK:k=1'],
    );
    expect(report.results[0].scores['precisionAtK:k=2'].score).toBe(0.5);
    expect(report.results[0].scores['recallAtK:k=3'].score).toBe(1);
    const digits = await scored([{ expected: '', actual: 'call 555' }], ['pattern:source=\\d{3}$']);
    expect(digits.report.passed).toBe(1);
  });

  test('reads a JSON schema from its file', async () => {
    const schema = JSON.stringify({ type: 'object', required: ['name'] });
    const records = [
      { id: 'good', expected: '', actual: '{"name":"x"}' },
      { id: 'bad', expected: '', actual: '{}' },
    ];
    const { report } = await scored(records, ['jsonSchema:file=schema.json'], { 'schema.json': schema });
    expect(report.results.map(({ passed }: { passed: boolean }) => passed)).toEqual([true, false]);
    expect(report.results[1].scores['jsonSchema:file=schema.json'].explanation).toContain('name');
    expect(await refused('jsonSchema:file=none.json')).toContain('none.json');
    expect(await refused('jsonSchema:file=s.json', { 's.json': '{' })).toContain('s.json');
  });

  test('takes scorers inside scorers', async () => {
    const parts = {
      parts: [
        { scorer: 'exactMatch:ignoreCase', weight: 1 },
        { scorer: 'levenshtein', weight: 1 },
      ],
    };
    const { report } = await scored(
      [{ id: 'a', expected: 'Yes', actual: 'yes' }],
      [`weighted:${JSON.stringify(parts)}`, 'allOf:scorers=["exactMatch","contains"]'],
    );
    const [weighted, all] = Object.values(report.results[0].scores) as { score: number }[];
    expect(weighted!.score).toBeCloseTo((1 + 2 / 3) / 2, 12);
    expect(all!.score).toBe(0);
  });

  test('reads lists and numbers out of answers that are texts', async () => {
    const records = [{ id: 'a', expected: ['x', 'y'], actual: '```json\n["y", "x"]\n```' }];
    expect((await scored(records, ['listOverlap'])).report.results[0].score).toBe(1);
    expect((await scored([{ expected: '10', actual: '10' }], ['numericDiff'])).report.results[0].score).toBe(1);
  });

  test('makes a pair that cannot be scored an error of its case alone', async () => {
    const records = [
      { id: 'good', expected: [1, 0], actual: [1, 0] },
      { id: 'bad', expected: [1, 0], actual: [1, 0, 0] },
    ];
    const { report } = await scored(records, ['cosine']);
    expect(report).toMatchObject({ passed: 1, errors: 1, scorers: { cosine: { count: 1, unusable: 1 } } });
    expect(report.results[1].error).toMatch(/^actual must be/);
  });

  test('refuses options with the message of the factory, and names the missing ones', async () => {
    expect(await refused('rouge:type=rougeX')).toMatch(/--scorer rouge:type=rougeX: rouge: type must be one of/);
    expect(await refused('rouge:stemer')).toContain('unknown option stemer');
    expect(await refused('pattern:source=(')).toContain('--scorer pattern:source=(: Invalid regular expression');
    expect(await refused('precisionAtK')).toContain('k is missing; write precisionAtK:k=…');
    expect(await refused('llmJudge')).toContain('rubric is missing');
    expect(await refused('llmJudge:rubric=@none.txt')).toContain('none.txt');
    expect(await refused('llmJudge:rubric=x,model=y')).toContain('the option model is for programs');
  });
});

describe('--threshold', () => {
  test('is the least score that passes, where a scorer says nothing else', async () => {
    const labels = ['levenshtein', 'chrf:threshold=1'];
    const { report } = await scored([cat], ['--threshold=0.1', ...labels]);
    const [{ scores, passed }] = report.results;
    expect(labels.map((label) => scores[label].passed)).toEqual([true, false]);
    expect(passed).toBe(false);
  });
});

describe('--scorer llmJudge', () => {
  const judge = (score: number) => JSON.stringify({ score, reasoning: 'because' });
  const records = Array.from({ length: 20 }, (_, i) => ({ id: `c${i}`, input: `say ${i}`, expected: `${i}` }));
  const args = ['run', 'c.jsonl', '--json', 'out.json', '--scorer', 'llmJudge:rubric=@rubric.txt', '--scorer', 'exact'];
  const files = { 'c.jsonl': jsonl(records), 'rubric.txt': 'Is it the number?' };
  const isJudged = (prompt: string) => prompt.includes('You judge an answer');

  test('asks the endpoint of the run, and keeps verdicts as answers are kept', async () => {
    const dir = directory(files);
    const { url, received } = await provider(({ body }) => {
      const prompt = body.messages.at(-1)!.content;
      return isJudged(prompt) ? judge(0.9) : prompt.replace('say ', '');
    });
    const env = { OPENAI_BASE_URL: url, AI_EVALS_CACHE_FILE: join(dir, 'answers.db') };
    expect((await command([...args, '--system', 'Be brief.'], env, dir)).code).toBe(0);
    const judged = received.filter(({ body }) => isJudged(body.messages.at(-1)!.content));
    expect(received).toHaveLength(40);
    expect(judged).toHaveLength(20);
    expect(judged[0]!.body.messages).toHaveLength(1);
    expect(judged[0]!.body.messages[0]!.content).toContain('Is it the number?');
    const report = reportOf(dir);
    expect(report).toMatchObject({ passed: 20, tokens: { total: 40 * 15 } });
    expect(report.scorers['llmJudge:rubric=@rubric.txt']).toMatchObject({ count: 20, mean: 0.9 });
    expect(report.results[0].scores['llmJudge:rubric=@rubric.txt']).toMatchObject({ explanation: 'because' });
    expect((await command([...args, '--system', 'Be brief.', '--replay'], env, dir)).code).toBe(0);
    expect(received).toHaveLength(40);
  });

  test('judges recorded answers, and a call that fails is an error of its case', async () => {
    const dir = directory({ ...files, 'c.jsonl': jsonl(records.map((one) => ({ ...one, actual: one.expected }))) });
    const { url } = await provider(({ body }, response) => {
      const prompt = body.messages[0]!.content;
      if (prompt.includes('\n7\n')) refuse(response, 400, 'no such parameter');
      return judge(1);
    });
    const run = [...args, '--actual-field', 'actual', '--allow-errors'];
    const { code, stderr, stdout } = await command(run, { OPENAI_BASE_URL: url }, dir);
    expect(code).toBe(0);
    expect(stderr).toContain('judged by');
    expect(stdout).toMatch(/tokens +285 /);
    const report = reportOf(dir);
    expect(report).toMatchObject({ passed: 19, errors: 1, model: null });
    expect(report.results[7].error).toContain('llmJudge:rubric=@rubric.txt: HTTP 400');
    expect(report.results[7].scores).toEqual({ exact: { score: 1, passed: true } });
  });
});

describe('--scorer semanticSimilarity', () => {
  test('embeds each text once at the endpoint of the run', async () => {
    const dir = directory({ 'c.jsonl': jsonl([{ id: 'a', expected: 'cat', actual: 'kitten' }]) });
    const { url, received } = await provider(({ body, path }, response) => {
      expect(path).toBe('/embeddings');
      const data = (body.input as string[]).map((text, index) => ({ index, embedding: [1, text === 'cat' ? 0 : 1] }));
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ data, usage: { prompt_tokens: 4, total_tokens: 4 } }));
      return undefined;
    });
    const args = [
      'run',
      'c.jsonl',
      '--actual-field',
      'actual',
      '--scorer',
      'semanticSimilarity:model=e',
      '--json',
      'out.json',
    ];
    expect((await command(args, { OPENAI_BASE_URL: url }, dir)).code).toBe(0);
    expect(received[0]!.body).toEqual({ model: 'e', input: ['cat', 'kitten'] });
    expect(reportOf(dir).results[0].score).toBeCloseTo(Math.SQRT1_2, 12);
  });
});
