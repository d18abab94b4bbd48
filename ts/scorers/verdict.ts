/** The verdict of a judge: what a reply must be, and how it is read. */

/** A judge's verdict. */
export interface Verdict {
  /** From 0 to 1. */
  score: number;
  /** The reason, in the judge's words. */
  reasoning?: string;
  /** The figures behind the score, by name. */
  breakdown?: Record<string, number>;
}

/** A reply that is no verdict, and what is wrong with it. */
export interface Malformed {
  problem: string;
}

/**
 * Reads a reply. It must be an object, or a text that is nothing but JSON, in a code fence or not: prose around it could be
 * quoted from the answer, so it is never searched. `choices` gives the score of each choice.
 */
export function readVerdict(
  reply: unknown,
  choices: Readonly<Record<string, number>> | undefined,
): Verdict | Malformed {
  const value = typeof reply === 'string' ? parsed(reply) : reply;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { problem: 'the reply must be one JSON object and nothing else' };
  }
  const { score, choice, reasoning, breakdown } = value as Record<string, unknown>;
  if (reasoning !== undefined && reasoning !== null && typeof reasoning !== 'string') {
    return { problem: '"reasoning" must be a string' };
  }
  if (breakdown !== undefined && !isFigures(breakdown)) return { problem: '"breakdown" must be an object of numbers' };
  const reason = {
    ...(typeof reasoning === 'string' ? { reasoning } : {}),
    ...(breakdown === undefined ? {} : { breakdown }),
  };
  if (choices !== undefined && score === undefined) {
    if (typeof choice !== 'string' || !Object.hasOwn(choices, choice)) {
      const names = Object.keys(choices).map((name) => JSON.stringify(name));
      return { problem: `"choice" must be one of ${names.join(', ')}` };
    }
    return { score: choices[choice]!, ...reason };
  }
  if (typeof score !== 'number') return { problem: '"score" must be a number' };
  if (!(score >= 0 && score <= 1)) return { problem: `"score" must be from 0 to 1, and is ${score}` };
  return { score, ...reason };
}

function isFigures(value: unknown): value is Record<string, number> {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isObject && Object.values(value).every((figure) => typeof figure === 'number');
}

function parsed(reply: string): unknown {
  const [, fenced] = /^\s*```[\w-]*\s*\n([\s\S]*?)\n?```\s*$/.exec(reply) ?? [];
  try {
    return JSON.parse(fenced ?? reply);
  } catch {
    return undefined;
  }
}
