/**
 * The only importer of the generated loader. Turns a load failure into an error that says which package is missing, why
 * the library would not open and what to run; and native errors into the facade's own.
 */
import type * as Binding from './binding.cjs';
import {
  AiEvalsError,
  type AiEvalsErrorCode,
  ArgumentRangeError,
  ArgumentTypeError,
  NativeLoadError,
  NativePanicError,
} from './errors.js';
import { packageVersion } from './package_root.js';

declare const require: (id: string) => unknown;

/** The exports of the addon. */
export const native: typeof Binding = load();

function load(): typeof Binding {
  const version = packageVersion();
  let loaded: unknown;
  try {
    loaded = require('./binding.cjs');
  } catch (error) {
    throw loadFailure(error, version);
  }
  const binding = loaded as typeof Binding;
  const found: unknown = typeof binding.version === 'function' ? binding.version() : 'unknown';
  if (found !== version) {
    throw new NativeLoadError(
      `@aah/ai-evals ${version} found a native library of version ${found}; both must be the same.\n` +
        whatToDo(`@aah/ai-evals@${version}`, version),
    );
  }
  binding.recordPanics();
  return binding;
}

/** The errors of the loading attempts, outermost first: the generated loader chains them by `cause`. */
function attempts(error: unknown): string[] {
  if (typeof error !== 'object' || error === null || !('message' in error)) return [];
  return [String(error.message), ...attempts('cause' in error ? error.cause : undefined)];
}

function loadFailure(error: unknown, version: string): NativeLoadError {
  // The loader's own headline blames npm for everything; WebAssembly is not a build this package has.
  const said = attempts(error).filter((text) => !/^Cannot find native binding|wasm32|\.wasi\./.test(text));
  const missing = said.map((text) => /^Cannot find module '(@aah\/ai-evals-[\w-]+)'/.exec(text)?.[1]).find(Boolean);
  // What the system said of a file it did open is worth more than that another file is not there.
  const opened = said.filter((text) => !/^Cannot find module '(@aah\/|\.\/)/.test(text));
  const reason = opened.at(-1) ?? said.at(-1) ?? String(error);
  const lines = [
    `@aah/ai-evals could not load its native library (${process.platform}-${process.arch}, Node ${process.version}).`,
    ...(missing ? [`Missing package: ${missing}@${version}, and there is no working local build.`] : []),
    `Reason: ${reason.split('\n')[0]}`,
    whatToDo(missing && `${missing}@${version}`, version),
  ];
  // The cause is the one reason, not the loader's chain of everything it looked for.
  return new NativeLoadError(lines.join('\n'), { cause: new Error(reason) });
}

function whatToDo(install: string | undefined, version: string): string {
  const override = process.env.NAPI_RS_NATIVE_LIBRARY_PATH;
  if (override) {
    return (
      `What to do: NAPI_RS_NATIVE_LIBRARY_PATH is set to ${override}; ` +
      `unset it, or point it at the .node file of @aah/ai-evals ${version}.`
    );
  }
  const command = install
    ? `\`npm install ${install}\`, and not with --omit=optional: the library is an optional dependency`
    : '`npm ci` on the machine that runs it: a node_modules folder copied from another system does not work';
  return `What to do: ${command}. In a checkout, with a Rust toolchain: \`npm run build\`.`;
}

/**
 * Turns what a native call threw into an error of this realm. Errors of the engine carry a code (`src/binding/error.rs`);
 * anything without one of ours is a caught panic or a failure of Node-API itself.
 */
export function fromNative(error: unknown): Error {
  const message = messageOf(error);
  const place = native.takePanic(message);
  if (place !== null) {
    return new NativePanicError(
      `The native engine panicked: ${message} (at ${place}). This is a bug in @aah/ai-evals; please report it with this message.`,
      { cause: error },
    );
  }
  const code = codeOf(error);
  if (code === 'ERR_OUT_OF_RANGE') return new ArgumentRangeError(message);
  if (code === 'ERR_INVALID_ARG_TYPE') return new ArgumentTypeError(message);
  if (code !== undefined && code !== 'ERR_NATIVE') return new AiEvalsError(code, message);
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

/** The code of an engine error; `undefined` for any other. */
function codeOf(error: unknown): AiEvalsErrorCode | 'ERR_OUT_OF_RANGE' | 'ERR_INVALID_ARG_TYPE' | undefined {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && code.startsWith('ERR_') ? (code as AiEvalsErrorCode) : undefined;
}

function messageOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : String(error);
}
