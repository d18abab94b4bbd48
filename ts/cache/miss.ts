/** Why there is no entry: the explanation, and the error of mode `'replay'`. */
import { AiEvalsError } from '../errors.js';

/** A part of the key in which two requests differ. */
export interface KeyDifference {
  /** Such as `modelConfig.temperature` or `input.messages[0].content`. */
  path: string;
  /**
   * What was asked for, as JSON; of texts of the input, of long ones, and of what may be a prompt or a secret, length and
   * digest. `undefined`: there is no such part.
   */
  asked: string | undefined;
  /** What the stored entry has there. */
  stored: string | undefined;
}

/** Why a `ResponseCache` has no live entry for a request. */
export interface MissExplanation {
  /**
   * `'empty'`: nothing is stored. `'expired'`: it was stored, and its time to live is over. `'different'`: the nearest entry
   * of the 2000 that are looked at at most differs in {@link MissExplanation.differences}.
   */
  reason: 'empty' | 'expired' | 'different';
  /** Between the request and the stored one that differs in the fewest parts. */
  differences: KeyDifference[];
  /** The same as a sentence. */
  message: string;
}

/** A cache in mode `'replay'` was asked for what it does not hold. The message says what the nearest entry differs in. */
export class CacheMissError extends AiEvalsError {
  /** Of a `ResponseCache`. */
  readonly explanation: MissExplanation | undefined;

  constructor(named: string, explanation: MissExplanation | undefined) {
    const why = explanation === undefined ? '' : `: ${explanation.message}`;
    super(
      'ERR_CACHE_MISS',
      `there is no entry for ${named}${why}. In mode 'replay' nothing is computed; record it first (mode 'record' or 'on')`,
    );
    this.explanation = explanation;
  }
}

const MOST_SHOWN = 3;

/** How the nearest of some entries differs from what was asked for. */
export interface Comparison {
  differences: KeyDifference[];
  /** How many entries were looked at. */
  compared: number;
  /** Whether these were all there are. */
  isAll: boolean;
}

/** The explanation of a miss. */
export function explanationOf({ differences, compared, isAll }: Comparison): MissExplanation {
  if (compared === 0) return { reason: 'empty', differences: [], message: 'nothing is stored' };
  if (differences.length === 0) {
    return { reason: 'expired', differences, message: 'it was stored, and its time to live is over' };
  }
  const shown = differences
    .slice(0, MOST_SHOWN)
    .map(({ path, asked, stored }) => `${path} (asked ${asked ?? 'nothing'}, stored ${stored ?? 'nothing'})`);
  const more = differences.length > MOST_SHOWN ? ` and ${differences.length - MOST_SHOWN} more` : '';
  const stored = isAll ? `${compared} stored` : `the ${compared} that were looked at`;
  const message = `the nearest of ${stored} differs in ${shown.join(', ')}${more}`;
  return { reason: 'different', differences, message };
}
