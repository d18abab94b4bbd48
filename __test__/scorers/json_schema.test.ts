import { jsonSchema } from '@aah/ai-evals/scorers';
import { describe, expect, test } from 'vitest';

const person = {
  type: 'object',
  properties: { name: { type: 'string' }, age: { type: 'integer', minimum: 0 } },
  required: ['name'],
  additionalProperties: false,
};

describe('jsonSchema', () => {
  test('scores valid answers 1 and says where others fail', () => {
    const scorer = jsonSchema(person);
    expect(scorer.scoreSync('', '{"name":"Ann","age":3}')).toEqual({ score: 1, passed: true });
    expect(scorer.scoreSync('', '{"name":"Ann","age":-1}')).toEqual({
      score: 0,
      passed: false,
      explanation: '/age must be at least 0 (minimum)',
    });
    expect(scorer.scoreSync('', '{"age":1}').explanation).toContain("'name'");
    expect(scorer.scoreSync('', 'no JSON').explanation).toBe('the answer is not JSON');
  });

  test('takes a text as JSON text and any other value as itself', () => {
    const scorer = jsonSchema({ type: ['object', 'null', 'number', 'boolean'] });
    for (const value of [{}, null, 5, true, '{}', 'null', 12345678901234567890n]) {
      expect(scorer.scoreSync('', value).score).toBe(1);
    }
    expect(scorer.scoreSync('', undefined)).toEqual({ score: 0, passed: false, explanation: 'no answer' });
    expect(() => scorer.scoreSync('', { at: Number.NaN })).toThrow(RangeError);
    expect(() => scorer.scoreSync('', new Map())).toThrow(TypeError);
    const cycle: { self?: unknown } = {};
    cycle.self = cycle;
    expect(() => scorer.scoreSync('', cycle)).toThrow(TypeError);
  });

  test('gives the same scores in a batch, one by one and at once', async () => {
    const scorer = jsonSchema(person);
    const answers = ['{"name":"Ann"}', '{"name":1}', '[]', 'x', undefined, { name: 'Bo' }];
    const single = answers.map((actual) => scorer.scoreSync('', actual));
    expect(await scorer.scoreAll(answers.map((actual) => ({ expected: '', actual })))).toEqual(single);
    expect(await Promise.all(answers.map((actual) => scorer.score('', actual)))).toEqual(single);
  });

  test('compares numbers as the decimals they are written as', () => {
    expect(jsonSchema({ const: 1 }).scoreSync('', '1.0').score).toBe(1);
    expect(jsonSchema({ maximum: 4 }).scoreSync('', '1e400').score).toBe(0);
    expect(jsonSchema({ const: 9007199254740993n }).scoreSync('', '9007199254740992').score).toBe(0);
    expect(jsonSchema({ multipleOf: 0.01 }).scoreSync('', '19.99').score).toBe(1);
  });

  test('counts a lone surrogate as one code point, unlike any other', () => {
    const scorer = jsonSchema({ maxLength: 1, not: { const: '\ud801' } });
    expect(scorer.scoreSync('', '"\ud800"').score).toBe(1);
    expect(scorer.scoreSync('', '"\\ud800"').score).toBe(1);
    expect(scorer.scoreSync('', '"\ud801"').score).toBe(0);
    expect(scorer.scoreSync('', '"\ud83d\ude00"').score).toBe(1);
  });

  describe('extract', () => {
    test('finds the JSON in fences and prose', () => {
      const scorer = jsonSchema(person, { extract: true });
      for (const answer of ['Sure:\n```json\n{"name":"Ann"}\n```', 'The record is {"name":"Ann"}.', '{"name":"Ann"}']) {
        expect(scorer.scoreSync('', answer).score).toBe(1);
        expect(jsonSchema(person).scoreSync('', answer).score).toBe(answer.startsWith('{') ? 1 : 0);
      }
    });
  });

  describe('draft', () => {
    test('counts where no $schema names one', () => {
      const tuple = { items: [{ type: 'string' }], additionalItems: false };
      expect(jsonSchema(tuple, { draft: '7' }).scoreSync('', '["a",1]').score).toBe(0);
      const named = { $schema: 'http://json-schema.org/draft-07/schema#', ...tuple };
      expect(jsonSchema(named).scoreSync('', '["a",1]').score).toBe(0);
      expect(() => jsonSchema({}, { draft: '4' as never })).toThrow(RangeError);
      expect(() => jsonSchema({ $schema: 'http://json-schema.org/draft-04/schema#' })).toThrow('not supported');
    });
  });

  describe('schemas', () => {
    test('are what a $ref may name; nothing is fetched', () => {
      const main = { $ref: 'https://example.org/age#/$defs/adult' };
      const schemas = { 'https://example.org/age': { $defs: { adult: { minimum: 18 } } } };
      expect(jsonSchema(main, { schemas }).scoreSync('', '17').score).toBe(0);
      expect(jsonSchema(main, { schemas }).scoreSync('', '18').score).toBe(1);
      expect(() => jsonSchema(main)).toThrow(/nothing is fetched/);
    });
  });

  test('refuses schemas and options that cannot be used', () => {
    for (const schema of [
      { type: 'strin' },
      { pattern: '(' },
      { pattern: 'a(?=b)' },
      { $ref: '#' },
      5,
      { minLength: -1 },
    ]) {
      expect(() => jsonSchema(schema), JSON.stringify(schema)).toThrow(RangeError);
    }
    expect(() => jsonSchema({}, { formats: true } as never)).toThrow(TypeError);
    expect(() => jsonSchema(undefined)).toThrow(TypeError);
  });

  test('ends a validation without end with a RangeError', () => {
    const levels = Array.from({ length: 60 }, (_, n) => [
      `l${n}`,
      { oneOf: [{ $ref: `#/$defs/l${n + 1}` }, { $ref: `#/$defs/l${n + 1}` }] },
    ]);
    const scorer = jsonSchema({ $ref: '#/$defs/l0', $defs: Object.fromEntries([...levels, ['l60', false]]) });
    expect(() => scorer.scoreSync('', 'null')).toThrow(RangeError);
    expect(() => scorer.scoreSync('', 'null')).toThrow(/steps.*simplify the schema/);
  });
});
