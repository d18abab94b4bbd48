/** Matching of a text by a regular expression in linear time. */
import { pattern } from '../matches.js';

/** 1 if the pattern matches somewhere in the text, else 0. Throws for syntax that cannot be matched in linear time. */
export function linearMatch(source: string, flags: string, text: string): number {
  return pattern(source, { flags }).scoreSync('', text).score;
}
