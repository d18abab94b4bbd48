/** What users write compiles under strict TypeScript, in both module formats, and with each version of the AI SDK. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { root } from '../lifecycle/child.js';

const languageModel = (ai: string, mock: string) => `
import { ResponseCache } from '@aah/ai-evals';
import { type CacheMiddlewareOptions, cacheMiddleware } from '@aah/ai-evals/ai-sdk';
import { type LanguageModelMiddleware, wrapLanguageModel } from '${ai}';
import { ${mock} } from '${ai}/test';
const options: CacheMiddlewareOptions = {
  mode: 'replay', repeat: 1, ttl: Infinity, replay: { chunkDelayInMs: 5 },
  shouldCache: ({ finishReason, parts }) => finishReason === 'stop' && parts.length > 0,
  key: ({ headers, temperature, prompt }, { provider, modelId }) => [headers?.['x'], temperature, prompt, provider, modelId],
};
export const middleware: LanguageModelMiddleware = cacheMiddleware(new ResponseCache(), options);
export const model = wrapLanguageModel({ model: new ${mock}(), middleware: cacheMiddleware(new ResponseCache(), options) });
export const chained = wrapLanguageModel({ model, middleware: [middleware, cacheMiddleware(new ResponseCache<{ a: 1 }>())] });
// @ts-expect-error an option that does not exist
cacheMiddleware(new ResponseCache(), { modes: 'on' });
// @ts-expect-error not a cache of answers
cacheMiddleware(new Map());
`;
const embeddingModel = `
import { EmbeddingCache } from '@aah/ai-evals';
import { embeddingCacheMiddleware } from '@aah/ai-evals/ai-sdk';
import { type EmbeddingModelMiddleware, wrapEmbeddingModel } from 'ai';
import { MockEmbeddingModelV3 } from 'ai/test';
const cache: EmbeddingCache = new EmbeddingCache();
export const middleware: EmbeddingModelMiddleware = embeddingCacheMiddleware(cache, { mode: 'on', ttl: 5 });
export const model = wrapEmbeddingModel({ model: new MockEmbeddingModelV3(), middleware: embeddingCacheMiddleware(cache) });
// @ts-expect-error vectors of the AI SDK are arrays of numbers
embeddingCacheMiddleware(new EmbeddingCache<Float32Array>());
`;
const programs = {
  language_6: languageModel('ai', 'MockLanguageModelV3'),
  language_5: languageModel('ai-v5', 'MockLanguageModelV2'),
  embedding_6: embeddingModel,
};

const resolutions = {
  nodenext: { module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext },
  bundler: { module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler },
};

function problemsOf(files: string[], options: ts.CompilerOptions): string[] {
  const program = ts.createProgram(files, {
    target: ts.ScriptTarget.ES2022,
    strict: true,
    exactOptionalPropertyTypes: true,
    // The typings of the AI SDK itself need a browser's.
    skipLibCheck: true,
    noEmit: true,
    types: ['node'],
    ...options,
  });
  return ts.getPreEmitDiagnostics(program).map(({ file, start, messageText }) => {
    const line = file && start !== undefined ? file.getLineAndCharacterOfPosition(start).line + 1 : 0;
    return `${file?.fileName ?? ''}:${line} ${ts.flattenDiagnosticMessageText(messageText, '\n')}`;
  });
}

describe('the middleware', () => {
  for (const [name, options] of Object.entries(resolutions)) {
    test(`compiles under ${name}, for CommonJS and ES modules, with the AI SDK 5 and 6`, () => {
      const folder = join(root, '.tmp', `ai_sdk_types_${name}`);
      rmSync(folder, { recursive: true, force: true });
      mkdirSync(folder, { recursive: true });
      const files = Object.entries(programs).flatMap(([program, source]) =>
        ['mts', 'cts'].map((extension) => {
          const file = join(folder, `${program}.${extension}`);
          writeFileSync(file, source);
          return file;
        }),
      );
      expect(problemsOf(files, options)).toEqual([]);
    }, 180_000);
  }

  test('has typings that name no package: they resolve where `ai` is not installed', () => {
    const problems = problemsOf(
      [join(root, 'index.d.ts'), join(root, 'dist/ai-sdk.d.ts'), join(root, 'dist/ai-sdk.d.mts')],
      {
        ...resolutions.nodenext,
        skipLibCheck: false,
      },
    );
    expect(problems).toEqual([]);
    const imported = ts.preProcessFile(ts.sys.readFile(join(root, 'index.d.ts')) ?? '').importedFiles;
    expect(imported.every(({ fileName }) => fileName.startsWith('node:'))).toBe(true);
  });
});
