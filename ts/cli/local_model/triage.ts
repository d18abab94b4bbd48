/** The local model's solver for sorting messages to desks: looks for the words each desk deals with. */
import type { Solver } from './solution.js';

const WORDS: Record<string, RegExp> = {
  billing: /charged|invoice|refund|fee|bill\b|debited|payment/i,
  delivery: /parcel|courier|tracking|package|shipment|delivered/i,
  account: /log in|password|profile|account|sign-in|user name/i,
  defect: /flicker|broken|stopped working|crack|battery|scratch/i,
};

/** Solves sorting problems. A slip names the next desk on the list. */
export const triage: Solver = (problem) => {
  const message = /to one desk: [\s\S]*\nMessage: ([\s\S]*)/.exec(problem)?.[1];
  if (message === undefined) return undefined;
  const urgent = /urgent: ([^.?!]*)/.exec(message)?.[1] ?? message;
  const desks = Object.keys(WORDS);
  const desk = desks.find((name) => WORDS[name]!.test(urgent));
  if (desk === undefined) return undefined;
  return { answer: desk, slip: desks[(desks.indexOf(desk) + 1) % desks.length]! };
};
