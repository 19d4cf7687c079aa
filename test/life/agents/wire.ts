import { PATHS } from '@mailseal/common/rpc'
import { readUserRequest } from '@mailseal/common/signed-request'
import { expect } from 'vitest'
import type { KeyRow } from '../../../packages/server/src/store/store.ts'
import { secretsOf } from '../administration.ts'
import type { Attempt, Computer } from '../computer.ts'
import { type KmServer, START } from '../km-server.ts'
import { DAY, type Key, type Model, type TemporaryKey } from '../model.ts'

/** The name of a temporary key in an enrollment's request. */
export const pskIdIn = ({ request = '' }: Record<string, string>) => Buffer.from(request, 'base64url').subarray(48, 80)
export const named = (key: TemporaryKey) => `the temporary key of ${key.address} issued at ${key.issued - START}`

/** Follows what went between agents and server, and compares each answer of the server with the model's. */
export class Wire {
  readonly #server: KmServer
  readonly #model: Model
  /** Called with each key that was enrolled. */
  readonly #enrolled: (key: Key, row: KeyRow) => Promise<void>
  /** Keys by the temporary key that enrolled them. */
  readonly enrolledBy = new Map<TemporaryKey, Key>()
  /** Enrollments answered, by their bytes, as long as the server keeps the reply. */
  readonly #replies = new Map<string, { key: Key; at: number }>()
  /** Requests answered, by their ids, likewise. */
  readonly #answered = new Map<string, number>()

  constructor(server: KmServer, model: Model, enrolled: (key: Key, row: KeyRow) => Promise<void>) {
    this.#server = server
    this.#model = model
    this.#enrolled = enrolled
  }

  /** Whether the server keeps the reply to the enrollment of a key. */
  keepsReply(key: Key): boolean {
    return [...this.#replies.values()].some((reply) => reply.key === key)
  }

  /** The server forgot old answers. */
  swept(): void {
    const { now } = this.#model
    for (const [bytes, { at }] of this.#replies) if (at < now - 30 * DAY) this.#replies.delete(bytes)
    for (const [id, at] of this.#answered) if (at < now - 20 * 60) this.#answered.delete(id)
  }

  /** Follows the last command of some computers. */
  async follow(computers: readonly Computer[]): Promise<void> {
    const attempts = computers.flatMap((computer) => computer.network.attempts.map((one) => ({ ...one, computer })))
    // Of what met, the one that was done came first.
    const isDone = ({ path, answer }: Attempt) => path === PATHS.enroll && answer?.code === null
    const inTurn =
      computers.length === 1 ? attempts : attempts.toSorted((a, b) => Number(isDone(b)) - Number(isDone(a)))
    for (const { computer, ...attempt } of inTurn) {
      if (attempt.answer === null) continue
      if (attempt.path === PATHS.offer) this.#followOffer(attempt)
      if (attempt.path === PATHS.enroll) await this.#followEnrollRequest(attempt, computer)
      if (attempt.path === PATHS.requests) this.#followUserRequest(attempt)
    }
  }

  #followOffer({ body, answer }: Attempt): void {
    const temporaryKey = this.#temporaryKey(Buffer.from(body.pskId ?? '', 'base64url'))
    // Of two computers that meet, the other one's enrollment may have come first.
    const wanted = [this.#model.endOf(temporaryKey), ...(this.enrolledBy.has(temporaryKey) ? [null] : [])]
    expect(wanted, `the server's answer about ${named(temporaryKey)}`).toContain(answer?.code)
    this.#model.noticeExpiry(temporaryKey)
  }

  #temporaryKey(pskId: Buffer): TemporaryKey {
    const key = this.#model.temporaryKeys.find((one) => pskId.equals(Buffer.from(secretsOf(one).pskId)))
    if (key === undefined) throw new Error('an agent used a temporary key that nobody was given')
    return key
  }

  async #followEnrollRequest({ body, answer }: Attempt, { pending, skew }: Computer): Promise<void> {
    const bytes = body.request ?? ''
    const kept = this.#replies.get(bytes)
    if (kept !== undefined) return expect(answer?.code, 'the answer to an enrollment sent again').toBe(null)
    const temporaryKey = this.#temporaryKey(pskIdIn(body))
    const validFrom = pending?.temporaryKey === temporaryKey ? pending.validFrom : this.#model.now + skew
    const userId = { address: temporaryKey.address, name: temporaryKey.name }
    const facts = { fault: null, isArchiveEntryRight: true, userId, validFrom, fingerprint: '' }
    const wanted = this.#model.enrollmentRefusal(temporaryKey, facts)
    this.#model.noticeExpiry(temporaryKey)
    expect(answer?.code, `the server's answer to an enrollment with ${named(temporaryKey)}`).toBe(wanted)
    this.#model.journaled += 1
    if (wanted === null)
      this.#replies.set(bytes, { key: await this.#followEnrolled(temporaryKey), at: this.#model.now })
  }

  async #followEnrolled(temporaryKey: TemporaryKey): Promise<Key> {
    const { id } = temporaryKey.mailbox
    const { key, certificate } = await this.#server.store.read(async (reads) => {
      const key = await reads.newestKey(id)
      return { key, certificate: key && (await reads.newestCertificateOf(key.fingerprint)) }
    })
    if (!key || !certificate) throw new Error('an enrollment was answered, and the server has no key')
    expect(this.#model.certificates.map(({ serial }) => serial)).not.toContain(certificate.serial)
    const { fingerprint, subkeyFingerprint } = key
    const { serial, validFrom } = certificate
    const made = this.#model.enrolled(temporaryKey, {
      fingerprint,
      subkeyFingerprint,
      isArchiveDamaged: false,
      serial,
      validFrom,
    })
    this.enrolledBy.set(temporaryKey, made.key)
    await this.#enrolled(made.key, key)
    return made.key
  }

  #followUserRequest({ body, answer }: Attempt): void {
    const model = this.#model
    const request = readUserRequest(Buffer.from(body.request ?? '', 'base64url'))
    if (this.#answered.has(request.id)) {
      expect(answer?.code, 'the answer to a request sent again').toBe(null)
      return
    }
    const certificate = model.certificates.find(({ serial }) => serial === request.serial)
    if (certificate === undefined) throw new Error('an agent named a serial number that it never had')
    const { purpose, time } = request
    const before = certificate.key.mailbox.current
    const wanted = model.requestRefusal({ purpose, certificate, time, isGenuine: true, isBodyRight: true })
    expect(answer?.code, `the server's answer to a request to ${purpose}`).toBe(wanted)
    if (purpose !== 'report' && wanted !== null && wanted !== 'clock-wrong') model.journaled += 1
    if (wanted !== null) return
    this.#answered.set(request.id, model.now)
    for (const [bytes, { key }] of this.#replies) if (key === certificate.key) this.#replies.delete(bytes)
    if (purpose === 'revoke') {
      model.journaled += 1
      model.revoked(certificate.key.mailbox, request.body.reason)
    }
    if (purpose !== 'renew') return
    const serial = String(answer?.value.serial)
    if (certificate !== before) {
      expect(serial, 'the serial number that an older one is answered with').toBe(before?.serial)
      return
    }
    model.journaled += 1
    model.renewed(certificate, serial, time)
  }
}
