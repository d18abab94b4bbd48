/**
 * The only importer of the generated loader. Turns a load failure into an error that says which package is missing, why
 * the library would not open and what to run; and native errors into the facade's own.
 */
import type * as Binding from './binding.cjs';
import { AiEvalsError, ArgumentRangeError, ArgumentTypeError, NativeLoadError, NativePanicError } from './errors.js';

declare const require: (id: string) => unknown;

/** What the addon exports. */
export const native: typeof Binding = load();

function load(): typeof Binding {
  const expected = (require('../package.json') as { version: string }).version;
  let binding: typeof Binding;
  try {
    binding = require('./binding.cjs') as typeof Binding;
  } catch (error) {
    throw new NativeLoadError(explainLoadFailure(error), { cause: error });
  }
  const found = binding.version();
  if (found !== expected) {
    throw new NativeLoadError(
      `@aah/ai-evals ${expected} was given a native library of version ${found}. ` +
        'Install both at the same version (in this repository: `npm run build`).',
    );
  }
  return binding;
}

/** Every error under `error`, outermost first: the generated loader nests them by `cause` and in arrays. */
function flatten(error: unknown): Error[] {
  if (Array.isArray(error)) return error.flatMap(flatten);
  if (typeof error !== 'object' || error === null || !('message' in error)) return [];
  const cause: unknown = 'cause' in error ? error.cause : undefined;
  const errors: unknown = 'errors' in error ? error.errors : undefined;
  return [error as Error, ...flatten(cause), ...flatten(errors)];
}

function explainLoadFailure(error: unknown): string {
  const errors = flatten(error);
  const override = process.env.NAPI_RS_NATIVE_LIBRARY_PATH;
  const missing = errors
    .map(({ message }) => /Cannot find module '(@aah\/ai-evals-[\w-]+)'/.exec(message)?.[1])
    .find((name) => name !== undefined);
  // What dlopen said is worth more than "module not found", and the last one tried is the innermost.
  const opened = errors.filter((e) => (e as NodeJS.ErrnoException).code === 'ERR_DLOPEN_FAILED').at(-1);
  const reason = opened ?? errors.at(-1);
  const where = `${process.platform}-${process.arch}, Node ${process.version}`;
  const lines = [`@aah/ai-evals could not load its native library (${where}).`];
  if (override)
    lines.push(`NAPI_RS_NATIVE_LIBRARY_PATH is set to ${override}; unset it or point it at a built .node file.`);
  if (missing && !opened) lines.push(`Missing package: ${missing}.`);
  if (reason) lines.push(`Reason: ${reason.message.split('\n')[0]}`);
  lines.push(
    missing && !opened
      ? `What to do: \`npm install ${missing}\` (it is an optional dependency: do not install with --omit=optional), ` +
          'or in a checkout with a Rust toolchain `npm run build`.'
      : 'What to do: reinstall with `npm ci` on the machine that runs it, or in a checkout with a Rust toolchain `npm run build`.',
  );
  return lines.join('\n');
}

/**
 * Turns what a native call threw into an error of this realm. The engine prefixes a message with the code of the class
 * it wants (`ERR_OUT_OF_RANGE: …`); anything without one is either a caught panic or a failure of Node-API itself.
 */
export function fromNative(error: unknown): Error {
  const message = messageOf(error);
  const [, code, text] = /^(ERR_[A-Z_]+): ([\s\S]*)$/.exec(message) ?? [];
  if (code === 'ERR_OUT_OF_RANGE') return new ArgumentRangeError(text);
  if (code === 'ERR_INVALID_ARG_TYPE') return new ArgumentTypeError(text);
  if (code !== undefined && text !== undefined) return new AiEvalsError(code as AiEvalsError['code'], text);
  if (isPanic(error)) {
    return new NativePanicError(
      `The native engine panicked: ${message}. This is a bug in @aah/ai-evals; please report it with this message.`,
      { cause: error },
    );
  }
  return new AiEvalsError('ERR_NATIVE', message, { cause: error });
}

/** Runs `fn`, a native call, and throws its failure as an error of this realm. */
export function guarded<T>(fn: () => T): T {
  try {
    return fn();
  } catch (error) {
    throw fromNative(error);
  }
}

function messageOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : String(error);
}

function isPanic(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === 'GenericFailure';
}
