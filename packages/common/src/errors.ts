/** What a code means outside the process: how a program exits with it and how the KM server answers with it. */
interface ErrorKind {
  /** Exit code of a program that fails with it (docs/errors.md; SOP numbers where the meaning is the same). */
  readonly exit: number
  /** HTTP status the KM server answers with. */
  readonly status: number
  /** What to do, where the place that throws knows nothing better. */
  readonly hint?: string
}

/** Every code an error of Mailseal can carry. Codes never change their meaning; docs/errors.md explains each. */
const KINDS = {
  'internal-error': { exit: 1, status: 500, hint: 'try again; if it stays, report it with the request id' },
  usage: { exit: 2, status: 400 },
  // 128 + SIGINT, as a shell reports a program that Ctrl-C ended.
  canceled: { exit: 130, status: 400 },
  'not-enrolled': { exit: 1, status: 400, hint: 'enroll first: mailseal enroll MESSAGE.eml' },
  'already-exists': { exit: 1, status: 409 },
  'not-found': { exit: 1, status: 404 },
  'unreadable-file': { exit: 1, status: 400 },
  'unwritable-file': { exit: 1, status: 500 },
  busy: { exit: 1, status: 503, hint: 'try again in a few seconds' },
  'too-large': { exit: 41, status: 413 },
  'bad-data': { exit: 41, status: 400 },
  'no-signature': { exit: 3, status: 400 },
  'cannot-encrypt': { exit: 17, status: 400 },
  'cannot-decrypt': { exit: 29, status: 400 },
  'password-needed': { exit: 67, status: 400, hint: 'give the password with --password-file FILE' },
  'certificate-revoked': { exit: 100, status: 403, hint: 'ask your administrator to enable your mailbox again' },
  'certificate-expired': { exit: 101, status: 403 },
  untrusted: { exit: 102, status: 400 },
  'revocation-list-missing': { exit: 103, status: 503, hint: 'fetch it: mailseal sync' },
  'revocation-list-refused': { exit: 103, status: 400 },
  'task-not-allowed': { exit: 104, status: 409 },
  'password-wrong': { exit: 105, status: 401 },
  'temporary-key-mistyped': {
    exit: 106,
    status: 400,
    hint: 'compare it with what you were given, character by character',
  },
  'temporary-key-unknown': {
    exit: 106,
    status: 404,
    hint: 'check the key and the server; your administrator can give you a new one',
  },
  'temporary-key-used': { exit: 106, status: 409 },
  'temporary-key-expired': { exit: 106, status: 410 },
  'temporary-key-replaced': { exit: 106, status: 410, hint: 'use the newest temporary key that you were given' },
  'temporary-key-canceled': { exit: 106, status: 410 },
  'clock-wrong': { exit: 1, status: 400, hint: 'set the clock of this computer and try again' },
  'server-unreachable': { exit: 107, status: 502, hint: 'is the KM server running, and is the address right?' },
  'server-not-trusted': { exit: 108, status: 403 },
  'refused-by-policy': { exit: 108, status: 403 },
  'recipients-unsecured': { exit: 108, status: 403 },
} as const satisfies Record<string, ErrorKind>

/** A stable name for what went wrong. */
export type ErrorCode = keyof typeof KINDS

export const ERROR_CODES = Object.keys(KINDS) as ErrorCode[]

/**
 * Every failure that comes from outside the program: input, files, network, passwords, statuses.
 * The message is lower case, has no full stop and names the wrong thing; the hint is something to do.
 * Neither ever holds a secret or the content of a file.
 */
export class MailsealError extends Error {
  override readonly name = 'MailsealError'
  readonly code: ErrorCode
  readonly hint: string | undefined

  constructor(code: ErrorCode, message: string, options: { hint?: string | undefined; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.hint = options.hint ?? (KINDS[code] as ErrorKind).hint
  }

  /** Exit code of a program that ends with this error. */
  get exitCode(): number {
    return KINDS[this.code].exit
  }

  /** HTTP status of an answer that carries this error. */
  get httpStatus(): number {
    return KINDS[this.code].status
  }

  /** What leaves the process: never the cause. */
  toJSON(): { code: ErrorCode; message: string; hint?: string } {
    return { code: this.code, message: this.message, ...(this.hint === undefined ? {} : { hint: this.hint }) }
  }
}

/** Whether a string from outside is one of our codes. */
export function isErrorCode(value: string): value is ErrorCode {
  return Object.hasOwn(KINDS, value)
}

/** Turns whatever was thrown into a {@link MailsealError}; a stranger becomes `internal-error` with itself as cause. */
export function asMailsealError(thrown: unknown): MailsealError {
  if (thrown instanceof MailsealError) return thrown
  return new MailsealError('internal-error', 'something went wrong inside', { cause: thrown })
}
