import { createRequire } from 'node:module';
import { expect, test } from 'vitest';
import { runChild } from './child.js';

const require = createRequire(import.meta.url);
const internal = require('../../.facade/native.js') as typeof import('../../ts/native.js');
const { AiEvalsError, NativePanicError } = require('../../.facade/errors.js') as typeof import('../../ts/errors.js');

test('a panic in the engine becomes a NativePanicError that names its place, and the engine goes on', () => {
  for (let i = 0; i < 3; i += 1) {
    const caught = thrownBy(() => internal.guarded(() => internal.native.panicProbe('the engine broke')));
    expect(caught).toBeInstanceOf(NativePanicError);
    expect(caught).toBeInstanceOf(AiEvalsError);
    expect(caught).toMatchObject({ name: 'NativePanicError', code: 'ERR_NATIVE_PANIC' });
    expect(caught.message).toMatch(
      /native engine panicked: the engine broke \(at src\/binding\/lifecycle\.rs:\d+:\d+\)/,
    );
  }
  expect(internal.native.panicProbe('')).toBe(0);
});

test('an error of Node-API itself is not taken for a panic', () => {
  const wrongArgument = () => internal.native.panicProbe(7 as unknown as string);
  const caught = thrownBy(() => internal.guarded(wrongArgument));
  expect(caught).toMatchObject({ name: 'AiEvalsError', code: 'ERR_NATIVE' });
});

test('the codes of engine errors choose the class', () => {
  const from = (code: string, message: string) => internal.fromNative(Object.assign(new Error(message), { code }));
  const range = from('ERR_OUT_OF_RANGE', 'n must be 1');
  expect(range).toMatchObject({ name: 'ArgumentRangeError', message: 'n must be 1' });
  expect(range).toBeInstanceOf(RangeError);
  expect(from('ERR_INVALID_ARG_TYPE', 'n must be a number')).toBeInstanceOf(TypeError);
  expect(from('ERR_STORAGE', 'row 3\nis broken')).toMatchObject({ code: 'ERR_STORAGE', message: 'row 3\nis broken' });
  expect(from('InvalidArg', 'Node-API said no')).toMatchObject({ code: 'ERR_NATIVE', message: 'Node-API said no' });
});

test('a panic does not end the process and prints nothing', async () => {
  const { code, signal, stdout, stderr } = await runChild(`
    const { guarded, native } = require('./.facade/native.js');
    let codes = '';
    for (let i = 0; i < 100; i += 1) {
      try { guarded(() => native.panicProbe('broken ' + i)); } catch (error) { codes += error.code === 'ERR_NATIVE_PANIC' ? '.' : error.stack; }
    }
    console.log(codes.length);`);
  expect({ code, signal, stdout, stderr }).toEqual({ code: 0, signal: null, stdout: '100\n', stderr: '' });
});

test('with RUST_BACKTRACE the panic is printed as well', async () => {
  const source = `const { guarded, native } = require('./.facade/native.js');
    try { guarded(() => native.panicProbe('broken')); } catch {}`;
  const { code, stderr } = await runChild(source, { env: { RUST_BACKTRACE: '1' } });
  expect(code).toBe(0);
  expect(stderr).toContain('broken');
});

function thrownBy(fn: () => unknown): Error {
  try {
    fn();
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
}
