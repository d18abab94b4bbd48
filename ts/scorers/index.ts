/** Native scorers of answers. */
export { type JsonMatchOptions, jsonMatch, type NumericAnswerOptions, numericAnswer } from './answers.js';
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
export { type FuzzyOptions, fuzzy } from './fuzzy.js';
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
export type { BatchOptions, Score, ScoredPair, Scorer, ThresholdOption } from './scorer.js';
export type { ActualText, ExpectedText, Text } from './text_input.js';
