/** The scorer of answers by a JSON Schema. */
import { wrongType } from '../arguments.js';
import { guarded, native } from '../native.js';
import { batchRun } from '../scoring/batch_run.js';
import { asNativeScorer, nativeSide } from '../scoring/native_pairs.js';
import type { ReadPair } from '../scoring/read_pair.js';
import { jsonText } from './json_text.js';
import { NativeScorer } from './native_scorer.js';
import { flag, type OptionCheck, oneOf, readOptions, threshold } from './options.js';
import type { BatchOptions, Score, ScoredPair, Scorer, ThresholdOption } from './scorer.js';

/** Options of {@link jsonSchema}. */
export interface JsonSchemaOptions extends ThresholdOption {
  /** The draft where no `$schema` says which. Default `'2020-12'`. */
  draft?: '7' | '2020-12' | undefined;
  /** Schemas that a `$ref` may name, by URI. Nothing is ever fetched. */
  schemas?: Readonly<Record<string, unknown>> | undefined;
  /** Also finds the JSON in code fences and prose. Default false: the whole answer must be JSON. */
  extract?: boolean | undefined;
}

const schemaList: OptionCheck<[string, string][]> = (name, value) => {
  if (value === undefined) return [];
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return wrongType(name, 'an object of schemas by URI', value);
  }
  return Object.entries(value).map(([uri, schema]) => [uri, jsonText(`${name}['${uri}']`, schema)]);
};

/** Reads the answer: a text is JSON text, any other value is its own. */
const readAnswer: ReadPair<unknown, unknown> = (_expected, actual, place, texts) => {
  if (actual === undefined) return 0;
  texts.push('', typeof actual === 'string' ? actual : jsonText(`${place}actual`, actual));
  return 2;
};

/**
 * Validity by a JSON Schema of draft 7 or 2020-12: 1 for a valid answer, else 0, with the first failure as `explanation`.
 * What is expected does not matter. A text must be JSON, any other value is validated itself; `undefined` is no answer.
 *
 * Passes all required tests of the official suites of both drafts. `format` never asserts and nothing is fetched. Numbers
 * compare as the decimals they are written as. Patterns match in linear time: lookaround and back-references are refused.
 *
 * Throws a `RangeError` for a schema that is not valid, names one that was not given, or refers to itself without end; so
 * does scoring when a validation takes more than 20 million steps. Linear in the answer for most schemas.
 */
export function jsonSchema(schema: unknown, options?: JsonSchemaOptions): Scorer<unknown, unknown> {
  const { threshold: least, ...checked } = readOptions('jsonSchema', options, {
    threshold: threshold.yesNo,
    draft: oneOf('2020-12', '7'),
    schemas: schemaList,
    extract: flag(),
  });
  return new JsonSchemaScorer(least, { schema: jsonText('schema', schema), ...checked });
}

/** A native scorer that says why an answer fails. */
class JsonSchemaScorer implements Scorer<unknown, unknown> {
  readonly name = 'jsonSchema';
  readonly threshold: number;
  readonly #verdicts: NativeScorer<unknown, unknown>;
  readonly #specification: string;
  #reasons: InstanceType<typeof native.NativeJsonSchema> | undefined;

  constructor(threshold: number, specification: object) {
    this.threshold = threshold;
    this.#specification = JSON.stringify(specification);
    const kernel = { kernel: 'jsonSchema', ...specification };
    this.#verdicts = new NativeScorer({ name: this.name, threshold, specification: kernel, read: readAnswer });
    const side = nativeSide(this.#verdicts);
    if (side !== undefined) asNativeScorer(this, side.kernel, readAnswer);
  }

  scoreSync(expected: unknown, actual: unknown): Score {
    return this.#explained(this.#verdicts.scoreSync(expected, actual), actual);
  }

  async score(expected: unknown, actual: unknown): Promise<Score> {
    return this.#explained(await this.#verdicts.score(expected, actual), actual);
  }

  async scoreAll(results: readonly ScoredPair<unknown, unknown>[], options?: BatchOptions): Promise<Score[]> {
    const { pairs } = batchRun('results', results, options);
    const scores = await this.#verdicts.scoreAll(pairs, options);
    return scores.map((score, at) => this.#explained(score, pairs[at]!.actual));
  }

  /** The reason is looked for in failures alone: most answers are valid. */
  #explained(score: Score, actual: unknown): Score {
    if (score.score === 1 || actual === undefined) return score;
    this.#reasons ??= guarded(() => new native.NativeJsonSchema(this.#specification));
    const reasons = this.#reasons;
    const texts: string[] = [];
    readAnswer('', actual, '', texts);
    const explanation = guarded(() => reasons.explain(texts[1]!));
    return explanation === null ? score : { ...score, explanation };
  }
}
