import { type ErrorCode, isErrorCode, systemRandom, toBase64url, toHex, utf8 } from '@mailseal/common'
import { readPrimarySecret, signMessage, type UserKey } from '@mailseal/common/certificate'
import { PATHS, type RevokeReason, TASKS, type TaskName } from '@mailseal/common/rpc'
import { judgeSignatures } from '@mailseal/common/verdict'
import * as v from 'valibot'
import { expect } from 'vitest'
import { Administration, type Answer, secretsOf } from '../administration.ts'
import { ADMINISTRATOR, type KmServer, START, startKmServer } from '../km-server.ts'
import type { Story } from '../lives.ts'
import { type Certificate, DAY, type Key, Model, type TemporaryKey } from '../model.ts'
import { assertCertificates, assertSound, openPublished, type Published } from '../published.ts'
import {
  ADDRESSES,
  administer,
  afterAll,
  bringToActive,
  passTime,
  setTime,
  type Time,
  temporaryKeysInTurn,
} from '../steps.ts'
import { type Enrollment, openReply, prepareEnrollment } from './enrollment.ts'
import { prepareRequest, type SentRequest } from './request.ts'
import type { EnrollmentFault, HttpStep, RequestFault } from './steps.ts'

/** A user, as an enrollment made one. */
interface User {
  readonly key: Key
  readonly secret: UserKey
}

interface Letter {
  readonly key: Key
  readonly signedAt: number
  readonly bytes: Uint8Array
  readonly signature: Uint8Array
}

type HttpAnswer = { readonly error: ErrorCode } | { readonly value: unknown }

/** A life over HTTP alone, step by step. */
class HttpLife {
  readonly #server: KmServer
  readonly #model: Model
  readonly #published: Published
  readonly #story: Story
  readonly #administration: Administration
  readonly #users: User[] = []
  readonly #enrollments: Enrollment[] = []
  readonly #requests: SentRequest[] = []
  readonly #letters: Letter[] = []

  constructor(server: KmServer, model: Model, published: Published, story: Story) {
    this.#server = server
    this.#model = model
    this.#published = published
    this.#story = story
    this.#administration = new Administration(model, (task, parameters, id) => this.#task(task, parameters, id), story)
  }

  /** The first address is enrolled when a life begins: most of what can happen happens after that. */
  async begin(): Promise<void> {
    await this.#administration.add(ADDRESSES[0])
    await bringToActive(this.#administration, this.#model, ADDRESSES[0], this.#enroll)
    await assertSound(this.#server, this.#model, this.#published)
  }

  async take(step: HttpStep): Promise<void> {
    await this.#do(step)
    await assertSound(this.#server, this.#model, this.#published)
    await this.#judgeLetters()
  }

  async #do(step: HttpStep): Promise<void> {
    switch (step.do) {
      case 'a wrong password':
        return this.#wrongPassword(step.who)
      case 'offer':
        return this.#withTemporaryKey(step.nth, (key) => this.#offer(key))
      case 'a temporary key that nobody has':
        return this.#unknownTemporaryKey()
      case 'enroll':
        return this.#withTemporaryKey(step.nth, async (key) => this.#send(await this.#prepare(key, step.fault)))
      case 'enroll twice at once':
        return this.#withTemporaryKey(step.nth, (key) => this.#sendBoth(key, step.identical))
      case 'the same enrollment again':
        return this.#nth(this.#enrollments, step.nth, (enrollment) => this.#send(enrollment))
      case 'report':
      case 'renew':
      case 'revoke own':
        return this.#nth(this.#users, step.nth, (user) => this.#request(user, step))
      case 'the same request again':
        return this.#nth(this.#requests, step.nth, (request) => this.#sendRequest(request))
      case 'letter':
        return this.#nth(this.#users, step.nth, (user) => this.#write(user, step.later))
      case 'time':
        return this.#passTime(step.by)
      case 'restart':
        return this.#restart()
      default:
        return administer(this.#administration, this.#model, step, this.#enroll)
    }
  }

  /** No sequence gets stuck: whatever happened, each address comes to a working certificate. */
  async end(): Promise<void> {
    await assertCertificates(this.#model, this.#published)
    this.#story.push('the end comes, some days later')
    await setTime(afterAll(this.#model), this.#model, this.#server)
    for (const address of this.#model.addresses)
      await bringToActive(this.#administration, this.#model, address, this.#enroll)
    await assertSound(this.#server, this.#model, this.#published)
    await this.#judgeLetters()
    await assertCertificates(this.#model, this.#published)
  }

  // Administrators.

  async #wrongPassword(address: string): Promise<void> {
    const body = {
      requestId: toHex(systemRandom(16)),
      credentials: [{ ...ADMINISTRATOR, password: 'another password than that' }],
      parameters: { addresses: [address], reason: 'left' },
    }
    const answer = await this.#post(`${PATHS.tasks}revoke`, body)
    this.#model.journaled += 1
    this.#story.push('revoke with a wrong password')
    expect(answer).toEqual({ error: 'password-wrong' })
  }

  async #task<T extends TaskName>(task: T, parameters: object, requestId: string): Promise<Answer<T>> {
    const answer = await this.#post(PATHS.tasks + task, { requestId, credentials: [ADMINISTRATOR], parameters })
    if ('error' in answer) return answer
    const result = v.parse(TASKS[task].result, answer.value)
    const refused = 'results' in result ? result.results.find((one) => 'error' in one) : undefined
    return refused !== undefined && 'error' in refused
      ? { error: refused.error.code as ErrorCode }
      : ({ result } as Answer<T>)
  }

  // Temporary keys.

  async #offer(key: TemporaryKey): Promise<void> {
    const wanted = this.#model.endOf(key)
    const answer = await this.#post(PATHS.offer, {
      pskId: toBase64url(secretsOf(key).pskId),
      nonce: toBase64url(systemRandom(16)),
    })
    this.#story.push(`asks for the offer of ${named(key)}: ${codeOf(answer) ?? 'there it is'}`)
    expect(codeOf(answer), 'the answer about an offer').toBe(wanted)
    this.#model.noticeExpiry(key)
  }

  async #unknownTemporaryKey(): Promise<void> {
    const answer = await this.#post(PATHS.offer, {
      pskId: toBase64url(systemRandom(32)),
      nonce: toBase64url(systemRandom(16)),
    })
    this.#story.push('asks for the offer of a temporary key that nobody was given')
    expect(answer).toEqual({ error: 'temporary-key-unknown' })
  }

  // Enrollment.

  readonly #enroll = async (key: TemporaryKey) => this.#send(await this.#prepare(key, null))

  async #prepare(temporaryKey: TemporaryKey, fault: EnrollmentFault | null): Promise<Enrollment> {
    const { store } = this.#server
    const { authority } = this.#published
    const [before] = this.#enrollments
    const enrollment = await prepareEnrollment(temporaryKey, { store, authority, now: this.#model.now, fault, before })
    this.#enrollments.unshift(enrollment)
    this.#story.push(`prepares an enrollment with ${named(temporaryKey)}${fault === null ? '' : `, with ${fault}`}`)
    return enrollment
  }

  async #send(enrollment: Enrollment): Promise<void> {
    await this.#followReply(enrollment, await this.#post(PATHS.enroll, { request: toBase64url(enrollment.bytes) }))
  }

  /** Two at once: of two different ones, one at most is done; of two equal ones, both hear the same. */
  async #sendBoth(temporaryKey: TemporaryKey, isSame: boolean): Promise<void> {
    const first = await this.#prepare(temporaryKey, null)
    const second = isSame ? first : await this.#prepare(temporaryKey, null)
    const send = async (enrollment: Enrollment) => ({
      enrollment,
      answer: await this.#post(PATHS.enroll, { request: toBase64url(enrollment.bytes) }),
    })
    const sent = await Promise.all([send(first), send(second)])
    if (!isSame) {
      // What was done was done first.
      const inTurn = sent.toSorted((one, other) => Number('error' in one.answer) - Number('error' in other.answer))
      for (const { enrollment, answer } of inTurn) await this.#followReply(enrollment, answer)
      return
    }
    const [one, other] = sent
    expect(one.answer, 'the answers to one enrollment sent twice at once').toEqual(other.answer)
    await this.#followReply(first, one.answer)
    // Equal ones that meet are refused together; else each by itself.
    const { index } = await this.#server.store.read((reads) => reads.journalHead())
    if ('error' in one.answer && index === this.#model.journaled + 1) this.#model.journaled += 1
  }

  async #followReply(enrollment: Enrollment, answer: HttpAnswer): Promise<void> {
    const model = this.#model
    const { stored, temporaryKey, facts, secret, isArchiveDamaged } = enrollment
    this.#story.push(`sends the enrollment with ${named(temporaryKey)}: ${codeOf(answer) ?? 'a reply'}`)
    if (stored !== null) {
      expect(answer, 'the reply to an enrollment sent again').toEqual({ value: { reply: stored.reply } })
      return
    }
    const wanted = model.enrollmentRefusal(temporaryKey, facts)
    model.noticeExpiry(temporaryKey)
    model.journaled += 1
    expect(codeOf(answer), `the answer to an enrollment of ${temporaryKey.address}`).toBe(wanted)
    if ('error' in answer) return
    const { reply } = answer.value as { reply: string }
    const { serial, returned } = await openReply(enrollment, reply)
    // This mailbox's history, as far as it was to come back, and nothing else.
    const history = (temporaryKey.returns ?? []).map((key) => key.subkeyFingerprint)
    expect(returned, `the history that comes with ${named(temporaryKey)}`).toEqual(history)
    expect(model.certificates.map((one) => one.serial)).not.toContain(serial)
    const { fingerprint, subkeyFingerprint, validFrom } = secret
    const made = { fingerprint, subkeyFingerprint, isArchiveDamaged, serial, validFrom }
    const { key } = model.enrolled(temporaryKey, made)
    enrollment.stored = { reply, at: model.now, key }
    this.#users.unshift({ key, secret })
  }

  // Users' requests.

  async #request(
    { key, secret }: User,
    step: { do: 'report' | 'renew' | 'revoke own'; serial: number; reason: RevokeReason; fault: RequestFault | null },
  ): Promise<void> {
    const { fault, reason } = step
    const purpose = step.do === 'revoke own' ? 'revoke' : step.do
    const certificate = key.certificates.toReversed()[step.serial % key.certificates.length] as Certificate
    const { authority } = this.#published
    const options = { purpose, reason, certificate, secret, authority, now: this.#model.now, fault } as const
    const request = await prepareRequest(options)
    this.#requests.unshift(request)
    const how = fault === null ? '' : `, ${fault}`
    this.#story.push(`signs a request to ${purpose} with the key of ${key.address}${how}`)
    await this.#sendRequest(request)
  }

  async #sendRequest(request: SentRequest): Promise<void> {
    const model = this.#model
    const { purpose, certificate, signed, time, answered } = request
    const { key } = certificate
    const before = key.mailbox.current
    const wanted = model.requestRefusal(request)
    const answer = await this.#post(PATHS.requests, {
      request: toBase64url(signed.request),
      signature: toBase64url(signed.signature),
    })
    const code = codeOf(answer)
    this.#story.push(`sends the request to ${purpose} of ${key.address}: ${code ?? 'done'}`)
    if (answered !== null && purpose === 'revoke' && model.listRefusal() !== null) {
      // The answer names the list that is out with it, and none can be made.
      expect(code, 'the answer to a revocation sent again').toBe(model.listRefusal())
      return
    }
    if (answered !== null) {
      expect(withoutNumber(answer), 'the answer to a request sent again').toBe(answered.answer)
      return
    }
    expect(code, `the answer to a request to ${purpose}`).toBe(wanted)
    const isJournaledRefusal =
      purpose !== 'report' && wanted !== null && wanted !== 'untrusted' && wanted !== 'clock-wrong'
    if (isJournaledRefusal) model.journaled += 1
    if ('error' in answer) return
    request.answered = { answer: withoutNumber(answer), at: model.now }
    for (const enrollment of this.#enrollments) if (enrollment.stored?.key === key) enrollment.stored = null
    if (purpose === 'report') return
    if (purpose === 'revoke') {
      model.journaled += 1
      const serials = model.revoked(key.mailbox, request.reason)
      expect([...(answer.value as { serials: string[] }).serials].sort()).toEqual(serials.sort())
      return
    }
    const { serial } = answer.value as { serial: string }
    if (certificate !== before) {
      expect(serial, 'the serial number that an older one is answered with').toBe(before?.serial)
      return
    }
    model.journaled += 1
    expect(model.certificates.map((one) => one.serial)).not.toContain(serial)
    model.renewed(certificate, serial, time)
  }

  // Letters.

  async #write({ key, secret }: User, later: number): Promise<void> {
    const signedAt = this.#model.now + later
    const bytes = utf8(`Letter ${this.#letters.length} of ${key.address}\r\n`)
    const primary = await readPrimarySecret(secret.secretKey)
    // No key signs before it is made.
    if (signedAt < secret.validFrom) return
    const signature = utf8(await signMessage(primary, bytes, signedAt))
    this.#letters.push({ key, signedAt, bytes, signature })
    this.#story.push(`${key.address} signs letter ${this.#letters.length - 1}, dated ${signedAt - START}`)
  }

  async #judgeLetters(): Promise<void> {
    const { authority, authorities, list } = this.#published
    const { now } = this.#model
    const entries = new Map(this.#model.listAt(list.thisUpdate).map(({ serial, listed }) => [serial, listed]))
    for (const [i, { key, signedAt, bytes, signature }] of this.#letters.entries()) {
      const { status } = await judgeSignatures({
        ...{ signature, signedBytes: bytes, from: key.address, now, authorities, domains: authority.domains },
        findCertificate: (fingerprint) => this.#published.certificate(fingerprint),
        list: { state: 'fresh', number: list.number, age: 0 },
        listPolicy: authority.listPolicy,
        lookup: (serial) => {
          const listed = entries.get(serial)
          return listed ? { serial, revokedAt: listed.at, expiryDay: 0, reason: listed.reason } : null
        },
      })
      const wanted = this.#model.verdictOn({ key, signedAt }, { thisUpdate: list.thisUpdate, remembers: false })
      expect(status, `the verdict on letter ${i}, dated ${signedAt - START}`).toBe(wanted)
    }
  }

  // Time.

  async #passTime(by: Time): Promise<void> {
    await passTime(by, this.#model, this.#server)
    this.#story.push(`${by} passes: it is ${this.#model.now - START}`)
  }

  async #restart(): Promise<void> {
    const model = this.#model
    this.#story.push('the server is stopped and started')
    if (model.listRefusal() !== null) {
      this.#story.push('... or not: its clock is a day behind its last list')
      return
    }
    model.swept()
    this.#administration.swept()
    for (const enrollment of this.#enrollments) {
      if (enrollment.stored !== null && enrollment.stored.at < model.now - 30 * DAY) enrollment.stored = null
    }
    for (const request of this.#requests) {
      if (request.answered !== null && request.answered.at < model.now - 20 * 60) request.answered = null
    }
    await this.#server.restart()
  }

  // Plain HTTP.

  async #post(path: string, body: object): Promise<HttpAnswer> {
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(this.#server.url + path, { method: 'POST', headers, body: JSON.stringify(body) })
    const value = (await response.json()) as { error?: { code: string } }
    if (response.ok) return { value }
    const code = value.error?.code ?? ''
    if (!isErrorCode(code)) throw new Error(`the server answered ${response.status} without a known code`)
    return { error: code }
  }

  async #withTemporaryKey(nth: number, work: (key: TemporaryKey) => Promise<void>): Promise<void> {
    await this.#nth(temporaryKeysInTurn(this.#model), nth, work)
  }

  async #nth<T>(all: readonly T[], nth: number, work: (one: T) => Promise<void>): Promise<void> {
    const one = all[nth % Math.max(1, all.length)]
    if (one !== undefined) await work(one)
  }
}

const codeOf = (answer: HttpAnswer) => ('error' in answer ? answer.error : null)
/** A repeat may hear of a later list. */
const withoutNumber = (answer: HttpAnswer) =>
  JSON.stringify(answer, (name, value) => (name === 'crlNumber' ? 0 : value))
const named = (key: TemporaryKey) => `the temporary key of ${key.address} issued at ${key.issued - START}`

/** Lives through steps over a fresh server, and tries at the end whether anything is stuck. */
export async function liveOverHttp(template: string, steps: readonly HttpStep[], story: Story): Promise<void> {
  const server = await startKmServer(template)
  try {
    const { index } = await server.store.read((reads) => reads.journalHead())
    const model = new Model(START, index)
    const life = new HttpLife(server, model, await openPublished(server, model), story)
    await life.begin()
    for (const step of steps) await life.take(step)
    await life.end()
  } finally {
    await server.end()
  }
}
