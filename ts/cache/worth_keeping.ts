/** Whether values are worth keeping, as `shouldCache` says: at once or, where it answers with a promise, later. */

/** What `shouldCache` may answer. */
export type Verdict = boolean | PromiseLike<boolean>;

export type ShouldCache<V> = (value: V) => Verdict;

export function isLater(verdict: Verdict): verdict is PromiseLike<boolean> {
  return typeof verdict === 'object' && verdict !== null && typeof verdict.then === 'function';
}

/** Calls `keep` where the verdict is yes: at once if it is known, else with the promise that is returned. */
export function ifWorthKeeping(verdict: Verdict, keep: () => void): Promise<void> | undefined {
  if (!isLater(verdict)) {
    if (verdict) keep();
    return undefined;
  }
  return Promise.resolve(verdict).then((isWorth) => {
    if (isWorth) keep();
  });
}
