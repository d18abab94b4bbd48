import { defineConfig, type EvalConfig, type EvalConfigExport, type ModelEntry } from '@aah/ai-evals';
import { rouge } from '@aah/ai-evals/scorers';
import { describe, expect, expectTypeOf, test } from 'vitest';

describe('defineConfig', () => {
  test('returns its argument, a configuration or a function', () => {
    const config = { datasets: ['cases.jsonl'], models: ['a', { modelId: 'b', provider: 'local' }] } as const;
    expect(defineConfig(config)).toBe(config);
    const make = async () => ({ scorer: 'exact' });
    expect(defineConfig(make)).toBe(make);
  });

  test('takes every kind of entry that its types name', () => {
    const config = defineConfig({
      models: ['a', { modelId: 'b', baseUrl: 'http://localhost/v1', price: { input: 1, output: 2 } }],
      scorers: ['exact', { name: 'rouge', options: { type: 'rougeL' } }, { strategy: 'semantic' }, rouge()],
      baseline: { baselineId: 'main', failOn: 'major' },
      allowErrors: true,
      store: false,
    });
    expectTypeOf(config).toExtend<EvalConfig>();
    expect(config.scorers).toHaveLength(4);
  });

  test('refuses unknown keys and wrong types at compile time', () => {
    expectTypeOf<{ repeat: string }>().not.toExtend<EvalConfig>();
    expectTypeOf<{ models: [{ provider: 'openai' }] }>().not.toExtend<EvalConfig>();
    expectTypeOf<{ baseline: { baselineId: 'main'; failOn: 'fatal' } }>().not.toExtend<EvalConfig>();
    expectTypeOf<ModelEntry['provider']>().toEqualTypeOf<'openai' | 'anthropic' | 'local' | undefined>();
    expectTypeOf<() => Promise<EvalConfig>>().toExtend<EvalConfigExport>();
  });
});
