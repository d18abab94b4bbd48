import { QueryCache } from '@aah/ai-evals/performance';
import { describe, expect, test } from 'vitest';

describe('QueryCache', () => {
  test('the guide: rows with dates, params optional', () => {
    const cache = new QueryCache();
    const row = { average: 0.5, at: new Date() };
    cache.set('student-metrics', { studentId: 's1' }, row);
    cache.set('all', undefined, 1);
    expect(cache.get('student-metrics', { studentId: 's1' })).toBe(row);
    expect(cache.get('student-metrics', { studentId: 's2' })).toBeUndefined();
    expect(cache.get('all')).toBe(1);
    expect(cache.get('all', {})).toBeUndefined();
    expect(() => cache.get(5 as never)).toThrow(TypeError);
    expect(() => cache.set(undefined as never, {}, 1)).toThrow(TypeError);
  });

  const fill = () => {
    const cache = new QueryCache();
    cache.set('dataset-42', undefined, 1);
    cache.set('cases', { id: 'dataset-42' }, 2);
    cache.set('cases', { 'dataset-42': true }, 3);
    cache.set('cases', { deep: [{ of: ['x', 'dataset-42'] }] }, 4);
    cache.set('cases', new Map([['id', 'dataset-42']]), 5);
    cache.set('cases', { ids: new Set(['dataset-42']), n: 5n, at: new Date(0) }, 6);
    cache.set('cases', { path: 'C:\\new "x"', id: 43 }, 7);
    cache.set('dataset-43', { id: 'dataset-4' }, 8);
    return cache;
  };

  test.each([
    [/dataset-42/, 6],
    [/dataset-42/g, 6],
    [/dataset-42/y, 6],
    [/DATASET-42/gi, 6],
    ['dataset-42', 6],
    ['^dataset-42$', 6],
    [/^dataset-4[23]$/, 7],
    [/^cases/, 6],
    [/cases.*"id":"dataset-42"/, 1],
    ['C:\\\\new "x"', 1],
    [/1970-01-01/, 1],
    [/^43$/, 1],
    [/nothing/, 0],
    ['', 8],
  ])('invalidate(%o) removes %i', (pattern, removed) => {
    const cache = fill();
    expect(cache.invalidate(pattern)).toBe(removed);
    expect(cache.getStats()).toMatchObject({ size: 8 - removed, evictions: 0 });
    expect(cache.invalidate(pattern)).toBe(0);
  });

  test('a matching query that is being computed is not stored, another is', async () => {
    const cache = new QueryCache();
    let end = () => {};
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    const rows = [1, 2].map((id) => cache.getOrCompute('cases', { id: `dataset-${id}` }, () => ended.then(() => id)));
    expect(cache.invalidate(/dataset-1/)).toBe(0);
    end();
    expect(await Promise.all(rows)).toEqual([1, 2]);
    expect(cache.get('cases', { id: 'dataset-1' })).toBeUndefined();
    expect(cache.get('cases', { id: 'dataset-2' })).toBe(2);
  });

  test('a pattern that remembers where it was skips nothing and is left as it was', () => {
    const cache = new QueryCache();
    for (let i = 0; i < 50; i += 1) cache.set(`dataset-${i}`, undefined, i);
    const pattern = /dataset/g;
    pattern.lastIndex = 5;
    expect(cache.invalidate(pattern)).toBe(50);
    expect(pattern.lastIndex).toBe(5);
  });

  test('matches the params as they were cached, not as the caller changed them since', () => {
    const cache = new QueryCache();
    const params = { id: 'dataset-1' };
    cache.set('q', params, 1);
    params.id = 'other';
    expect(cache.invalidate('other')).toBe(0);
    expect(cache.invalidate('dataset-1')).toBe(1);
  });

  test('a pattern that is none is refused', () => {
    const cache = fill();
    expect(() => cache.invalidate('(')).toThrow(SyntaxError);
    expect(() => cache.invalidate('(')).toThrow(/pattern/);
    for (const pattern of [undefined, null, 5, {}, ['a']])
      expect(() => cache.invalidate(pattern as never)).toThrow(TypeError);
    expect(cache.getStats().size).toBe(8);
  });

  test('cyclic params are matched too', () => {
    const cache = new QueryCache();
    const params: Record<string, unknown> = { id: 'dataset-7', map: new Map() };
    params.self = params;
    (params.map as Map<string, unknown>).set('up', params);
    cache.set('q', params, 1);
    expect(cache.get('q', params)).toBe(1);
    expect(cache.invalidate('dataset-7')).toBe(1);
  });
});

describe('QueryCache.set of what is no key', () => {
  const nested = (levels: number) => {
    let value: unknown = 1;
    for (let i = 0; i < levels; i += 1) value = { value };
    return value;
  };
  const thrownBy = (work: () => unknown) => {
    try {
      work();
    } catch (error) {
      return error as Error;
    }
    return undefined;
  };

  test.each([
    ['a function', () => 1],
    ['a symbol', Symbol('x')],
    ['a symbol inside', { a: [Symbol('x')] }],
    ['a toJSON that returns undefined', { toJSON: () => undefined }],
    ['a boxed bigint', { id: Object(1n) }],
    ['5000 levels', nested(5000)],
    ['100,000 levels', nested(100_000)],
  ])('says what get says: %s', (_, params) => {
    const cache = new QueryCache();
    const expected = thrownBy(() => cache.get('q', params));
    const thrown = thrownBy(() => cache.set('q', params, 1));
    if (thrown) {
      expect(thrown).toBeInstanceOf(TypeError);
      expect(thrown.message).toContain('params');
      if (expected) expect(thrown.message).toBe(expected.message);
      expect(cache.getStats().size).toBe(0);
    } else {
      expect(expected).toBeUndefined();
      expect(cache.get('q', params)).toBe(1);
      expect(cache.invalidate(/nowhere/)).toBe(0);
    }
    // Whatever happened, the next key is written as ever.
    cache.set('next', { a: 1 }, 2);
    expect(cache.get('next', { a: 1 })).toBe(2);
  });

  test('wrong options leave the key writer as it was', () => {
    const cache = new QueryCache();
    expect(() => cache.set('q', { a: 1 }, 1, { ttl: -1 })).toThrow(RangeError);
    cache.set('q', { a: 2 }, 2);
    expect(cache.get('q', { a: 1 })).toBeUndefined();
    expect(cache.get('q', { a: 2 })).toBe(2);
  });

  test('a sparse array is as quick as what it holds', () => {
    const cache = new QueryCache();
    const ids: number[] = [];
    ids[1e7] = 77;
    cache.set('q', { ids }, 1);
    expect(cache.get('q', { ids })).toBe(1);
    expect(cache.getStats().memoryUsage).toBeLessThan(10_000);
    expect(cache.invalidate(/^77$/)).toBe(1);
  });
});
