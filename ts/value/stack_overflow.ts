/** Returns true if `error` says that there is no stack left: a value is nested too deep. */
export function isStackOverflow(error: unknown): boolean {
  return error instanceof RangeError && /call stack/i.test(error.message);
}
