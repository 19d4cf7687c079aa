import {
  asAddress,
  asText,
  deriveTemporaryKeySecrets,
  equalBytes,
  MailsealError,
  parseTemporaryKey,
  utf8,
} from '@mailseal/common'
import { type ErrorBody, readErrorBody, type TaskName } from '@mailseal/common/rpc'
import { record } from '../journal.ts'
import type { Reads, Transaction } from '../store/store.ts'
import { type Call, isRefusal } from './call.ts'
import type { TaskContext } from './context.ts'
import { changedMeanwhile } from './status.ts'

/** One piece of a task, done or refused by itself in a transaction of its own. */
export interface Piece<R, P> {
  /** Its place in the task, so that a repeat finds its answer again. */
  readonly index: number
  /** The address it is about, as typed. */
  readonly typedAddress: string
  /** Slow work outside the transaction. A {@link MailsealError} refuses the piece. */
  prepare(): Promise<P>
  /**
   * Everything but the journal's entry. A {@link MailsealError} refuses the piece and undoes what it did.
   *
   * @returns null if it did nothing, since what was prepared is of a state that has passed: both are tried again.
   */
  work(tx: Transaction, prepared: P): Promise<R | null>
}

/** How often a piece is tried whose state others keep changing. */
const ATTEMPTS = 5

/** A piece that was refused. */
export interface RefusedPiece {
  readonly error: ErrorBody
}

interface StoredAnswer<R> {
  readonly done?: R
  readonly refused?: ErrorBody
}

/**
 * Does a piece of a task once, however often and however closely the same request comes: the answer is stored, sealed,
 * in the transaction that does it, and given again to a repeat. When it was erased, a repeat is told so.
 *
 * @returns What `work` returned, or why it was refused; both as they survive JSON.
 * @throws {@link MailsealError} `already-exists` if the request id stands for another request; `busy`.
 */
export async function doOnce<T extends TaskName, R extends object, P>(
  context: TaskContext,
  call: Call<T>,
  piece: Piece<R, P>,
): Promise<R | RefusedPiece> {
  const settle = async (tx: Transaction, answer: StoredAnswer<R>, result: string) => {
    const id = answerId(call, piece.index)
    const sealed = await context.unlocked.seal(labelOf(id), utf8(JSON.stringify(answer)))
    const time = context.clock.now()
    const { task, administrators, requestId, requestHash } = call
    await tx.putTaskAnswer({ id, requestHash, sealedAnswer: sealed, pskId: temporaryKeyIn(answer), at: time })
    await record(tx, context.random, {
      time,
      task,
      administrators,
      subject: subjectOf(piece.typedAddress),
      result,
      requestId,
    })
    return answer
  }
  const attempt = async (): Promise<StoredAnswer<R> | null> => {
    const prepared = await piece.prepare()
    return context.store.transaction(async (tx) => {
      const earlier = await earlierAnswer<R>(context, tx, call, piece.index)
      if (earlier !== null) return earlier
      const done = await piece.work(tx, prepared)
      return done === null ? null : settle(tx, { done }, 'done')
    })
  }
  const before = await context.store.read((reads) => earlierAnswer<R>(context, reads, call, piece.index))
  if (before !== null) return asOutcome(before)
  try {
    return asOutcome(await untilDone(attempt, piece))
  } catch (thrown) {
    if (!isRefusal(thrown)) throw thrown
    const answer = await context.store.transaction(
      async (tx) =>
        (await earlierAnswer<R>(context, tx, call, piece.index)) ??
        settle(tx, { refused: thrown.toJSON() }, thrown.code),
    )
    return asOutcome(answer)
  }
}

async function untilDone<A>(attempt: () => Promise<A | null>, piece: { typedAddress: string }): Promise<A> {
  for (let tried = 0; tried < ATTEMPTS; tried++) {
    const answer = await attempt()
    if (answer !== null) return answer
  }
  throw changedMeanwhile(piece.typedAddress)
}

/** Whether a piece was refused. */
export function isRefused<R extends object>(outcome: R | RefusedPiece): outcome is RefusedPiece {
  return 'error' in outcome
}

/** A refused piece as the error that it was; for a task that is one piece. */
export function refusalOf({ error }: RefusedPiece): MailsealError {
  return readErrorBody(error)
}

function asOutcome<R extends object>({ done, refused }: StoredAnswer<R>): R | RefusedPiece {
  if (done !== undefined) return done
  if (refused !== undefined) return { error: refused }
  throw new TypeError('a stored answer is neither done nor refused')
}

async function earlierAnswer<R>(
  context: TaskContext,
  reads: Reads,
  call: Call<TaskName>,
  index: number,
): Promise<StoredAnswer<R> | null> {
  const id = answerId(call, index)
  const stored = await reads.taskAnswer(id)
  if (stored === null) return null
  if (!equalBytes(stored.requestHash, call.requestHash)) {
    throw new MailsealError('already-exists', 'the request id was used for another request', {
      hint: 'use a new request id for each request',
    })
  }
  if (stored.sealedAnswer === null) return { refused: erased().toJSON() }
  const opened = await context.unlocked.open(labelOf(id), stored.sealedAnswer)
  return JSON.parse(asText(opened, 'a stored answer')) as StoredAnswer<R>
}

function erased(): MailsealError {
  return new MailsealError('already-exists', 'this was done before, and its answer is no longer kept', {
    hint: 'see what became of it: mailseal-admin status',
  })
}

/** The id of the temporary key that stands in an answer: the answer is erased when that key ends. */
function temporaryKeyIn({ done }: StoredAnswer<object>): Uint8Array | null {
  if (done === undefined || !('temporaryKey' in done) || typeof done.temporaryKey !== 'string') return null
  return deriveTemporaryKeySecrets(parseTemporaryKey(done.temporaryKey)).pskId
}

/** What is no address is not written down: it may be anything, also a password typed in the wrong place. */
function subjectOf(typedAddress: string): string {
  try {
    return asAddress(typedAddress)
  } catch {
    return ''
  }
}

const answerId = (call: Call<TaskName>, index: number) => `${call.requestId}.${index}`
const labelOf = (id: string) => `task answer ${id}`
