import { createRequire } from 'node:module';
import { expect, test } from 'vitest';

const require = createRequire(import.meta.url);
const { FieldPath } =
  require('../../.facade/datasets/field_path.js') as typeof import('../../ts/datasets/field_path.js');

const at = (path: string, record: unknown) => new FieldPath(path).in(record);

test('a path goes through objects and arrays', () => {
  const record = { a: { b: [{ c: 5 }, null] }, '6b_x': { solution: 's' }, zero: 0, no: null };
  expect(at('a.b.0.c', record)).toBe(5);
  expect(at('a.b', record)).toBe(record.a.b);
  expect(at('a.b.1', record)).toBeNull();
  expect(at('6b_x.solution', record)).toBe('s');
  expect(at('zero', record)).toBe(0);
  expect(at('no', record)).toBeNull();
});

test('a missing field is undefined in any record', () => {
  for (const path of ['x', 'a.x', 'a.0', 'list.length', 'list.5', 'list.-1', 'no.x', 'text.0', '', 'a..b', '.']) {
    expect(at(path, { a: { b: 1 }, list: [1], no: null, text: 'abc' }), path).toBeUndefined();
  }
  for (const record of [null, undefined, 5, 'text', []]) expect(at('a', record)).toBeUndefined();
  for (const path of ['toString', 'constructor.name', '__proto__']) expect(at(path, {}), path).toBeUndefined();
});

test('a key that holds the dots wins over the nesting, the longest first', () => {
  expect(at('a.b', { 'a.b': 1, a: { b: 2 } })).toBe(1);
  expect(at('a.b.c', { 'a.b': { c: 1 }, a: { 'b.c': 2 } })).toBe(1);
  expect(at('a.b.c', { 'a.b': { d: 1 }, a: { 'b.c': 2 } })).toBe(2);
  expect(at('', { '': 5 })).toBe(5);
});
