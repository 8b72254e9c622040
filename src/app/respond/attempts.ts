/**
 * What throws although nothing should: that turn knows nothing of it, says so once, and the next one tries again. A health
 * responder that ends takes a host out of a farm that serves.
 */
export interface Attempts {
  /** @returns what `act` returns, or `otherwise` when it throws */
  attempt<T>(what: string, act: () => T, otherwise: T): T;
  attemptLater<T>(what: string, act: () => Promise<T>, otherwise: T): Promise<T>;
  /** What has failed and not succeeded since, in a line each that stays the same as long as it fails. */
  failures(): readonly string[];
}

export function makeAttempts(): Attempts {
  const failed = new Map<string, string>();
  const remember = (what: string, error: unknown): void => {
    const [line = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
    if (!failed.has(what)) failed.set(what, `${what} failed, and is tried again: ${line}`);
  };
  return {
    attempt: (what, act, otherwise) => {
      try {
        const result = act();
        failed.delete(what);
        return result;
      } catch (error) {
        remember(what, error);
        return otherwise;
      }
    },
    attemptLater: async (what, act, otherwise) => {
      try {
        const result = await act();
        failed.delete(what);
        return result;
      } catch (error) {
        remember(what, error);
        return otherwise;
      }
    },
    failures: () => [...failed.values()],
  };
}
