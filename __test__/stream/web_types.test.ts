import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';

// Inside the project: TypeScript finds the typings of Node and, by its own name, the package from there.
mkdirSync('.tmp', { recursive: true });
const directory = mkdtempSync(join('.tmp', 'web-types-'));
afterAll(() => rmSync(directory, { recursive: true }));

const PROGRAM = `
import { DatasetStream } from '@aah/ai-evals';
import { ReadableStream as NodeStream } from 'node:stream/web';
const words = DatasetStream.from(new ReadableStream<string>());
export const typed: DatasetStream<string> = words;
// @ts-expect-error: of strings
export const wrong: DatasetStream<number> = words;
export const named: DatasetStream<string> = DatasetStream.from<string>(new ReadableStream<string>());
export const ofNode: DatasetStream<string> = DatasetStream.from(new NodeStream<string>());
export const ofReader: DatasetStream<number> = DatasetStream.from({
  getReader: () => new ReadableStream<number>().getReader(),
});
export async function bytes(): Promise<DatasetStream<Uint8Array>> {
  const { body } = await fetch('http://localhost');
  if (!body) throw new Error('no body');
  return DatasetStream.from(body);
}
`;

test.each([
  ['as Next.js has them', ['dom', 'dom.iterable', 'esnext']],
  ['of the DOM', ['esnext', 'dom']],
  ['of the DOM with its async iterators', ['esnext', 'dom', 'dom.iterable', 'dom.asynciterable']],
  ['of Node alone', ['esnext']],
])(
  'a web stream tells its type under the typings %s',
  (_, lib) => {
    const compilerOptions = {
      ...{ strict: true, noEmit: true, skipLibCheck: true, types: ['node'], lib },
      ...{ target: 'es2022', module: 'nodenext', moduleResolution: 'nodenext' },
    };
    writeFileSync(join(directory, 'program.mts'), PROGRAM);
    writeFileSync(join(directory, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['program.mts'] }));
    const tsc = join('node_modules', 'typescript', 'bin', 'tsc');
    const { stdout, status } = spawnSync(process.execPath, [tsc, '-p', directory], { encoding: 'utf8' });
    expect(stdout).toBe('');
    expect(status).toBe(0);
  },
  120_000,
);
