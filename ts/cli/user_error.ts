/** Something the person at the command line can put right: told in one line, without a stack; the process exits with 2. */
export class UserError extends Error {}

/** A wrong flag or argument; the message is followed by where to find help. */
export class UsageError extends UserError {}
