/** Where the real data sets are (outside the repository); tests that need them say so and pass without. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = resolve(__dirname, '..');
const candidates = [process.env.AI_EVALS_SHARED_DATA, join(root, '../shared/data'), '/work/shared/data'];

/** The folder of the shared data, or `undefined` where there is none. */
export const sharedData = candidates.find((dir) => dir !== undefined && existsSync(dir));
