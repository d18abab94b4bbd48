/** Shapes of configured values, and the problems of a value that has another. */
import { type NumberCheck, nearest } from '../flags.js';

/** The keys and indexes that lead to a value. */
export type KeyPath = readonly (string | number)[];

/** A value that cannot be used. */
export interface Problem {
  path: KeyPath;
  message: string;
}

/** The shape of a value. */
export interface Shape {
  /** The shape in words, behind "must be". */
  described: string;
  /** Tells whether a value is of this kind, whatever is inside it. */
  accepts(value: unknown): boolean;
  /** Returns the problems inside a value of this kind. */
  inside?(value: unknown, path: KeyPath): Problem[];
}

/** Any text. */
export const TEXT: Shape = { described: 'a text', accepts: (value) => typeof value === 'string' };

/** A text that is not empty. */
export const NAME: Shape = {
  described: 'a text that is not empty',
  accepts: (value) => typeof value === 'string' && value.trim() !== '',
};

export const FLAG: Shape = { described: 'true or false', accepts: (value) => typeof value === 'boolean' };

export function exactly(wanted: boolean): Shape {
  return { described: String(wanted), accepts: (value) => value === wanted };
}

export function number({ described, holds }: NumberCheck): Shape {
  return { described, accepts: (value) => typeof value === 'number' && holds(value) };
}

export function oneOf(...names: readonly string[]): Shape {
  const described = `one of ${names.map((name) => JSON.stringify(name)).join(', ')}`;
  return { described, accepts: (value) => typeof value === 'string' && names.includes(value) };
}

/** A list with at least one item. */
export function list(item: Shape): Shape {
  return {
    described: 'a list that is not empty',
    accepts: (value) => Array.isArray(value) && value.length > 0,
    // `Array.from` also visits the holes of a sparse list.
    inside: (value, path) => Array.from(value as unknown[], (each, i) => problems(item, each, [...path, i])).flat(),
  };
}

/** A plain object with some of these keys and all of the `required` ones. */
export function object(keys: Readonly<Record<string, Shape>>, required: readonly string[] = []): Shape {
  return {
    described: 'an object',
    accepts: isPlainObject,
    inside: (value, path) => {
      const given = value as Record<string, unknown>;
      const missing = required
        .filter((key) => !Object.hasOwn(given, key) || given[key] === undefined)
        .map((key) => ({ path, message: `the key ${key} is missing` }));
      const found = Object.keys(given).flatMap((key) => {
        const inner = [...path, key];
        if (!Object.hasOwn(keys, key)) return [{ path: inner, message: unknownKey(key, Object.keys(keys)) }];
        return given[key] === undefined ? [] : problems(keys[key]!, given[key], inner);
      });
      return [...missing, ...found];
    },
  };
}

/** An object with any keys. */
export const ANY_OBJECT: Shape = { described: 'an object', accepts: isPlainObject };

/** A value of the first of `shapes` that accepts its kind. */
export function either(...shapes: readonly Shape[]): Shape {
  return {
    described: [...new Set(shapes.map(({ described }) => described))].join(', or '),
    accepts: (value) => shapes.some((shape) => shape.accepts(value)),
    inside: (value, path) => problems(shapes.find((shape) => shape.accepts(value))!, value, path),
  };
}

/** Returns the problems of `value`, with their paths; none when it is of the shape. */
export function problems(shape: Shape, value: unknown, path: KeyPath = []): Problem[] {
  if (!shape.accepts(value)) return [{ path, message: `must be ${shape.described}, got ${shown(value)}` }];
  return shape.inside?.(value, path) ?? [];
}

/** Returns a path as it is written in code: `models[0].modelId`. */
export function pathText(path: KeyPath): string {
  return path
    .map((key, i) => {
      if (typeof key === 'number') return `[${key}]`;
      if (!/^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(key)) return `[${JSON.stringify(key)}]`;
      return i === 0 ? key : `.${key}`;
    })
    .join('');
}

function isPlainObject(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  // Objects of another realm have another Object.prototype, which itself has no prototype.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function unknownKey(key: string, known: string[]): string {
  const near = nearest(
    key.toLowerCase(),
    known.map((name) => name.toLowerCase()),
  );
  const meant = known.find((name) => name.toLowerCase() === near);
  return `there is no such key; ${meant === undefined ? `the keys are ${known.join(', ')}` : `did you mean ${meant}?`}`;
}

function shown(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object' && value !== null)
    return isPlainObject(value) ? 'an object' : `a ${value.constructor.name}`;
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'bigint') return `${value}n`;
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length <= 60 ? text : `${text.slice(0, 59)}…`;
}
