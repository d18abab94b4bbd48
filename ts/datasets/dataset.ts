/** A dataset: test cases under a name and a version. */
import type { TestCaseInput, TestCaseMetadata } from '../types.js';

/** Facts about a case that a file holds: those of {@link TestCaseMetadata} that it has, and any others. */
export type LoadedMetadata = Partial<TestCaseMetadata> & Record<string, unknown>;

/** A case of a dataset. `metadata` is always there. */
// biome-ignore lint/suspicious/noExplicitAny: as for TestCase
export interface DatasetCase<TInput = any, TOutput = any> extends TestCaseInput<TInput, TOutput> {
  metadata: LoadedMetadata;
}

/** Test cases under a name and a version. */
// biome-ignore lint/suspicious/noExplicitAny: as for TestCase
export interface Dataset<TInput = any, TOutput = any> {
  id: string;
  name: string;
  description: string;
  /** The version that the file states, or else a digest of its cases: the same cases have the same one. */
  version: string;
  testCases: DatasetCase<TInput, TOutput>[];
  /** Further members of the file beside `testCases`. */
  metadata?: Record<string, unknown>;
}

/** A thing that is wrong with a dataset. */
export interface DatasetProblem {
  /** The member, from the top of the file: `testCases[3].metadata.tags`. In files of rows `[3]` is the fourth case. */
  path: string;
  message: string;
  /** Line of the file, from 1. Not of a Parquet file, which has none, nor of a dataset in memory. */
  line?: number;
}
