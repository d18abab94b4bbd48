/** The JSON in an answer of a model. */
import { fromJsonText } from '../../value/form.js';

/** An answer that has not the form it must have. */
export class AnswerFormError extends Error {
  override name = 'AnswerFormError';
}

/** Returns the value of the JSON in `text`: of all of it, of a code fence in it, or of the object or array within prose. */
export function answerJson(text: string): unknown {
  const fence = /```(?:json)?\s*([\s\S]*?)```/i.exec(text)?.[1];
  const whole = text.trim();
  const [first, last] = [whole.search(/[[{]/), Math.max(whole.lastIndexOf('}'), whole.lastIndexOf(']'))];
  const within = first >= 0 && last > first ? whole.slice(first, last + 1) : undefined;
  for (const candidate of [whole, fence, within]) {
    if (candidate === undefined || candidate === '') continue;
    try {
      return fromJsonText(candidate);
    } catch {
      // The next candidate, if there is one.
    }
  }
  const shown = whole.length > 80 ? `${whole.slice(0, 80)}…` : whole;
  throw new AnswerFormError(whole === '' ? 'the answer is empty' : `the answer is not JSON: ${JSON.stringify(shown)}`);
}
