/** TypeScript as JavaScript of the same lines, also on Node.js versions that do not strip types. */
import { transform } from 'sucrase';

/** A mistake in a program. */
export class SourceMistake extends Error {
  readonly line: number;

  constructor(message: string, line: number) {
    super(message);
    this.line = line;
  }
}

/** Returns the program without its types. Throws a {@link SourceMistake}. O(its length). */
export function withoutTypes(source: string): string {
  try {
    const { code } = transform(source, {
      transforms: ['typescript'],
      disableESTransforms: true,
      keepUnusedImports: false,
    });
    return code;
  } catch (error) {
    const { message, loc } = error as Error & { loc?: { line: number } };
    throw new SourceMistake(
      message.replace(/^Error transforming \S+: /, '').replace(/ \(\d+:\d+\)$/, ''),
      loc?.line ?? 1,
    );
  }
}
