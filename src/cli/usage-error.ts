/** The call itself is wrong: exit 64. Says what was expected and what was received; where to read on is added with `command`. */
export class UsageError extends Error {
  override readonly name = 'UsageError';

  /** What was called: `rsprep config check`. */
  readonly command: string | null;

  constructor(message: string, command: string | null = null) {
    super(message);
    this.command = command;
  }
}
