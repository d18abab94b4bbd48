/**
 * Hooks of the module loader, which Node.js runs on a thread of their own: they read TypeScript, and find `@aah/ai-evals` for
 * configurations in projects that have not installed it.
 */
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { SourceMistake, withoutTypes } from './typescript_source.js';

interface ResolveContext {
  parentURL?: string;
}

interface Resolved {
  url: string;
  format?: string | null;
  shortCircuit?: boolean;
}

interface Loaded {
  format: string;
  source?: string;
  shortCircuit?: boolean;
}

const SELF = /^@aah\/ai-evals(?:\/|$)/;

/** Resolves a specifier. `./x.js` and `./x` also mean `./x.ts`. */
export async function resolve(
  specifier: string,
  context: ResolveContext,
  next: (specifier: string, context: ResolveContext) => Promise<Resolved>,
): Promise<Resolved> {
  try {
    return await next(specifier, context);
  } catch (error) {
    for (const [other, parentURL] of alternatives(specifier, context)) {
      try {
        return await next(other, parentURL === undefined ? context : { ...context, parentURL });
      } catch {}
    }
    throw error;
  }
}

/** Loads a module; one of TypeScript without its types. */
export async function load(
  url: string,
  context: object,
  next: (url: string, context: object) => Promise<Loaded>,
): Promise<Loaded> {
  const [, ending] = /^file:[^?]*\.([cm]?ts)(?:\?|$)/.exec(url) ?? [];
  if (ending === undefined) return next(url, context);
  const file = fileURLToPath(url.replace(/\?.*$/, ''));
  try {
    const source = withoutTypes(readFileSync(file, 'utf8'));
    return { format: ending === 'cts' ? 'commonjs' : 'module', source, shortCircuit: true };
  } catch (error) {
    // Only the message of an error comes back to the thread that imports.
    if (error instanceof SourceMistake) throw new SyntaxError(`${file}:${error.line}: ${error.message}`);
    throw error;
  }
}

function alternatives(specifier: string, { parentURL }: ResolveContext): [specifier: string, parent?: string][] {
  if (SELF.test(specifier)) return [[specifier, pathToFileURL(`${dirname(__filename)}/`).href]];
  if (!/^\.{0,2}\//.test(specifier) || parentURL === undefined) return [];
  if (/\.[cm]?js$/.test(specifier)) return [[specifier.replace(/js$/, 'ts')]];
  return [[`${specifier}.ts`], [`${specifier}.mts`], [`${specifier}/index.ts`]];
}
