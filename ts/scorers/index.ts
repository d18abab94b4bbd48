/** Native scorers of answers. */

export {
  type BootstrapOptions,
  bootstrapInterval,
  type ConfidenceOption,
  type Discordant,
  type Interval,
  type McnemarOptions,
  mcnemar,
  pairedBootstrap,
  type ResamplingOptions,
  type SummarizeOptions,
  type Summary,
  summarize,
  type Verdicts,
  wilsonInterval,
} from './aggregates.js';
export { type JsonMatchOptions, jsonMatch, type NumericAnswerOptions, numericAnswer } from './answers.js';
export {
  type ClassFigures,
  type ClassificationOptions,
  type ClassificationReport,
  type ClassificationScorerOptions,
  classification,
  classificationReport,
  type Label,
  type PrecisionRecall,
} from './classification.js';
export { allOf, anyOf, type WeightedPart, weighted } from './combined.js';
export {
  damerauLevenshtein,
  type EditDistanceOptions,
  indel,
  type JaroWinklerOptions,
  jaro,
  jaroWinkler,
  lcs,
  levenshtein,
  type Normalization,
  osa,
  type SymbolOptions,
  type TextScorer,
} from './edit_distance.js';
export { cosine, type SemanticSimilarityOptions, semanticSimilarity } from './embedding.js';
export { type FuzzyOptions, fuzzy } from './fuzzy.js';
export { type JsonDiffOptions, jsonDiff } from './json_diff.js';
export { type JsonSchemaOptions, jsonSchema } from './json_schema.js';
export { type ListAnswer, type ListOverlapOptions, listOverlap } from './list_overlap.js';
export { type JudgeContext, type LlmJudgeOptions, llmJudge } from './llm_judge.js';
export {
  contains,
  type ExactMatchOptions,
  endsWith,
  exactMatch,
  type OccurrenceOptions,
  type PatternOptions,
  pattern,
  startsWith,
} from './matches.js';
export { type Numeric, numericDiff } from './numeric_diff.js';
export * from './original/index.js';
export {
  type BleuOptions,
  bleu,
  type ChrfOptions,
  chrf,
  corpusBleu,
  corpusChrf,
  corpusTer,
  type MeteorOptions,
  meteor,
  type RougeOptions,
  type RougeType,
  rouge,
  squadExact,
  type TerOptions,
  type TextPair,
  type TokenF1Options,
  ter,
  tokenF1,
} from './overlap.js';
export type { NumberList } from './packed_numbers.js';
export {
  type AveragePrecisionOptions,
  averagePrecision,
  hitAtK,
  type Id,
  type JudgedIds,
  type NdcgOptions,
  ndcg,
  ndcgFromScores,
  precisionAtK,
  type RankingScorer,
  type RetrievedIds,
  recallAtK,
  reciprocalRank,
} from './ranking.js';
export type { BatchOptions, Score, ScoredPair, Scorer, ThresholdOption } from './scorer.js';
export type { ActualText, ExpectedText, Text } from './text_input.js';
export type { Verdict } from './verdict.js';
