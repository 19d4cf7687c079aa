import { deriveTemporaryKeySecrets, type ErrorCode, parseTemporaryKey, systemRandom, toHex } from '@mailseal/common'
import type { RevokeReason, TaskName, TaskParameters, TaskResult } from '@mailseal/common/rpc'
import { expect } from 'vitest'
import type { Story } from './lives.ts'
import { DAY, type Mailbox, type Model, type StatusTask, type TaskOnMailbox, type TemporaryKey } from './model.ts'

/** What a task answered for its one address. */
export type Answer<T extends TaskName> = { readonly error: ErrorCode } | { readonly result: TaskResult<T> }

/** Sends a task to the KM server, one way or another. */
export type Ask = <T extends TaskName>(task: T, parameters: TaskParameters<T>, requestId: string) => Promise<Answer<T>>

/** A task that was sent, so that it can be sent again. */
interface SentTask {
  readonly task: TaskName
  readonly parameters: object
  readonly requestId: string
  readonly outcome: string
  readonly at: number
  /** Which stands in its answer. */
  readonly temporaryKey: TemporaryKey | null
  isErased: boolean
}

/** How long the server gives the same answer again, once it sweeps. */
const ANSWER_KEPT = 15 * 60

/** Administrators' tasks, each compared with what the model says of it. */
export class Administration {
  readonly #model: Model
  readonly #ask: Ask
  readonly #story: Story
  /** The newest first. */
  readonly sent: SentTask[] = []

  constructor(model: Model, ask: Ask, story: Story) {
    this.#model = model
    this.#ask = ask
    this.#story = story
  }

  /** The server forgot old answers. */
  swept(): void {
    for (const one of this.sent) one.isErased ||= one.at < this.#model.now - ANSWER_KEPT
  }

  async add(address: string): Promise<void> {
    const refusal: ErrorCode | null = this.#model.mailboxAt(address) === null ? null : 'already-exists'
    const name = `User ${this.#model.mailboxes.length + 1}`
    const result = await this.#do('mailboxes.add', { address, name }, refusal)
    if (result !== null) this.#model.added(result.mailbox.id, address, name)
  }

  /** @returns The temporary key; null where none was to be had. */
  async issue(
    task: 'enable' | 'reissue' | 'recover',
    address: string,
    withoutHistory = false,
  ): Promise<TemporaryKey | null> {
    const model = this.#model
    const parameters = { addresses: [address], ...(withoutHistory && { withoutHistory }) }
    let key: TemporaryKey | null = null
    await this.#do(task, parameters, model.refusalOf(task, address), (result) => {
      const issued = soleResult(result)
      const mailbox = this.#mailbox(address)
      const damaged = mailbox.keys.filter((one) => one.isArchiveDamaged).map((one) => one.subkeyFingerprint)
      key = model.issued(task, mailbox, issued.temporaryKey, withoutHistory)
      const returned = key.returns && { keys: key.returns.length, damaged }
      expect(issued.history, `the history that ${task} returns`).toEqual(returned)
      expect(issued.status, `the status after ${task}`).toBe(mailbox.status)
      expect(issued.expires, 'when the temporary key expires').toBe(model.now + 14 * DAY)
      return key
    })
    return key
  }

  async cancel(address: string): Promise<void> {
    await this.#do('cancel', { addresses: [address] }, this.#model.refusalOf('cancel', address), (result) => {
      const mailbox = this.#mailbox(address)
      this.#model.canceled(mailbox)
      expect(soleResult(result).status, 'the status after cancel').toBe(mailbox.status)
      return null
    })
  }

  async revoke(address: string, reason: RevokeReason): Promise<void> {
    const parameters = { addresses: [address], reason }
    await this.#do('revoke', parameters, this.#model.refusalOf('revoke', address), (result) => {
      const mailbox = this.#mailbox(address)
      const serials = this.#model.revoked(mailbox, reason)
      const done = soleResult(result)
      expect([...done.serials].sort(), 'the serial numbers revoked').toEqual(serials.sort())
      expect(done.status, 'the status after revoke').toBe(mailbox.status)
      expect(done.crlNumber !== null, 'whether a list came out').toBe(serials.length > 0)
      return null
    })
  }

  async remove(address: string): Promise<void> {
    const refusal = this.#model.refusalOf('mailboxes.remove', address)
    await this.#do('mailboxes.remove', { addresses: [address] }, refusal, (result) => {
      const serials = this.#model.removed(this.#mailbox(address))
      expect([...soleResult(result).serials].sort(), 'the serial numbers revoked').toEqual(serials.sort())
      return null
    })
  }

  async rename(address: string): Promise<void> {
    const name = `Other ${this.#model.journaled}`
    const refusal = this.#model.mailboxAt(address) === null ? 'not-found' : null
    await this.#do('mailboxes.change', { address, name }, refusal, () => {
      this.#mailbox(address).name = name
      return null
    })
  }

  async move(address: string, newAddress: string): Promise<void> {
    const taken = address !== newAddress && this.#model.mailboxAt(newAddress) !== null
    const mailbox = this.#model.mailboxAt(address)
    const ending = address === newAddress ? null : this.#model.refusalOf('mailboxes.change', address)
    const refusal = mailbox === null ? 'not-found' : taken ? 'already-exists' : ending
    await this.#do('mailboxes.change', { address, newAddress }, refusal, (result) => {
      const serials = this.#model.moved(this.#mailbox(address), newAddress)
      expect([...result.serials].sort(), 'the serial numbers replaced').toEqual(serials.sort())
      return null
    })
  }

  /** Sends a task's bytes once more: the same is answered as long as that may be, and nothing is done. */
  async again(nth: number): Promise<void> {
    const before = this.sent[nth % Math.max(1, this.sent.length)]
    if (before === undefined) return
    const answer = await this.#ask(before.task, before.parameters as never, before.requestId)
    const isErased = before.isErased || (before.temporaryKey !== null && before.temporaryKey.ended !== null)
    // An answer that names a list waits until one is out.
    const namesList = /"serials":\["/.test(before.outcome)
    const refusal = isErased ? 'already-exists' : namesList ? this.#model.listRefusal() : null
    const wanted = refusal ?? before.outcome
    const got = outcomeOf(before.task, answer)
    this.#story.push(`sends "${before.task}" again with the request id of before: ${brief(got)}`)
    expect(got, `the answer to a repeated ${before.task}`).toBe(wanted)
  }

  /** Another task under the request id of one that was done. */
  async sameIdOtherTask(nth: number, address: string): Promise<void> {
    const before = this.sent[nth % Math.max(1, this.sent.length)]
    if (before === undefined) return
    const parameters = { addresses: [address, 'nobody@example.org'] }
    const answer = await this.#ask('cancel', parameters, before.requestId)
    this.#story.push(`sends another task with a request id of before`)
    expect(answer).toEqual({ error: 'already-exists' })
  }

  async #do<T extends TaskName>(
    task: T,
    parameters: TaskParameters<T>,
    refusal: ErrorCode | null,
    follow: (result: TaskResult<T>) => TemporaryKey | null = () => null,
  ): Promise<TaskResult<T> | null> {
    const model = this.#model
    const requestId = toHex(systemRandom(16))
    const { now } = model
    const answer = await this.#ask(task, parameters, requestId)
    model.journaled += 1
    const outcome = outcomeOf(task, answer)
    this.#story.push(`${task} ${JSON.stringify(parameters)}: ${brief(outcome)}`)
    expect('error' in answer ? answer.error : null, `the refusal of ${task}`).toBe(refusal)
    const result = 'error' in answer ? null : answer.result
    const temporaryKey = (result === null ? null : follow(result)) ?? null
    this.sent.unshift({ task, parameters, requestId, outcome, at: now, temporaryKey, isErased: false })
    return result
  }

  #mailbox(address: string): Mailbox {
    const mailbox = this.#model.mailboxAt(address)
    if (mailbox === null) throw new Error(`${address} is no mailbox, and yet a task was done for it`)
    return mailbox
  }
}

/** What is alike in all answers to one request: the code of its refusal, or the whole result but the list's number. */
function outcomeOf(_task: TaskName, answer: Answer<TaskName>): string {
  if ('error' in answer) return answer.error
  return JSON.stringify(answer.result, (name, value) =>
    name === 'crlNumber' ? undefined : value instanceof Uint8Array ? toHex(value) : value,
  )
}

function brief(outcome: string): string {
  return outcome.startsWith('{') ? 'done' : `refused, ${outcome}`
}

function soleResult<R extends object>({ results }: { results: readonly R[] }): Exclude<R, { error: unknown }> {
  const [result] = results
  if (result === undefined || 'error' in result) throw new TypeError('not one result')
  return result as Exclude<R, { error: unknown }>
}

/** What a temporary key turns into. */
export const secretsOf = ({ text }: TemporaryKey) => deriveTemporaryKeySecrets(parseTemporaryKey(text))

export type { StatusTask, TaskOnMailbox }
