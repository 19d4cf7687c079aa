import { join } from 'node:path'
import type { Agent } from '@mailseal/agent'
import { type ErrorCode, utf8 } from '@mailseal/common'
import { PATHS, type RevokeReason } from '@mailseal/common/rpc'
import { expect } from 'vitest'
import { Administration, secretsOf } from '../administration.ts'
import { type Computer, hasPending, isFor, type NetworkFault, openComputer, outcomeOf } from '../computer.ts'
import { type KmServer, START, startKmServer } from '../km-server.ts'
import type { Story } from '../lives.ts'
import { type Key, Model, type TemporaryKey, type UserTask } from '../model.ts'
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
import { askAsAdmin } from './admin.ts'
import { Mail } from './mail.ts'
import type { AgentsStep } from './steps.ts'
import { type Template, tellModel, WATCHER } from './template.ts'
import { named, pskIdIn, Wire } from './wire.ts'

const COMPUTERS = ['the first computer', 'the second computer', 'the third computer'] as const

/** Codes that stand for the network, or for this computer's own clock. */
type Allowed = readonly (ErrorCode | 'done')[]

/** A life with real agents, step by step. */
class AgentsLife {
  readonly #server: KmServer & { readonly folder: string }
  readonly #model: Model
  readonly #published: Published
  readonly #story: Story
  readonly #administration: Administration
  readonly #watcher: Computer
  readonly #computers: Computer[]
  readonly #mail: Mail
  readonly #wire: Wire
  #adminFault: NetworkFault | null = null

  constructor(options: {
    server: KmServer & { readonly folder: string }
    model: Model
    published: Published
    story: Story
    watcher: Computer
    computers: Computer[]
  }) {
    const { server, model, published, story, watcher, computers } = options
    this.#server = server
    this.#model = model
    this.#published = published
    this.#story = story
    this.#watcher = watcher
    this.#computers = computers
    this.#mail = new Mail(model)
    this.#wire = new Wire(server, model, async (key, row) => {
      await this.#mail.seal(row.certificate, key)
    })
    this.#administration = new Administration(
      model,
      (task, parameters, requestId) => {
        const fault = this.#adminFault
        this.#adminFault = null
        return askAsAdmin(server.url, { task, parameters, requestId, fault })
      },
      story,
    )
  }

  /** @param temporaryKey - That enrolled the first address on the first computer. */
  async begin(temporaryKey: TemporaryKey | undefined): Promise<void> {
    const key = temporaryKey?.mailbox.keys[0]
    const row = key && (await this.#server.store.read((reads) => reads.key(key.fingerprint)))
    if (temporaryKey === undefined || key === undefined || !row) throw new TypeError('nobody is enrolled yet')
    this.#wire.enrolledBy.set(temporaryKey, key)
    await this.#mail.seal(row.certificate, key)
    this.#hold(this.#computer(0), temporaryKey)
  }

  async take(step: AgentsStep): Promise<void> {
    await this.#do(step)
    await assertSound(this.#server, this.#model, this.#published)
    await this.#judgeLetters()
  }

  async #do(step: AgentsStep): Promise<void> {
    switch (step.do) {
      case 'enroll':
        return this.#withTemporaryKey(step.nth, (key) => this.#enroll(this.#computer(step.computer), key, step.fault))
      case 'enroll on two computers at once':
        return this.#withTemporaryKey(step.nth, (key) => this.#enrollTwice(key))
      case 'copy the key file':
        return this.#copy(this.#computer(step.computer), this.#computer(step.to))
      case 'sync':
        return this.#sync(this.#computer(step.computer), step.fault)
      case 'report':
        return this.#report(this.#computer(step.computer), step.fault)
      case 'renew':
        return this.#renew(this.#computer(step.computer), step.fault)
      case 'revoke own':
        return this.#revoke(this.#computer(step.computer), step.reason, step.fault)
      case 'sign':
        return this.#sign(this.#computer(step.computer))
      case 'lose the computer':
        return this.#lose(step.computer)
      case 'set the clock':
        this.#computer(step.computer).skew = step.ahead
        return void this.#story.push(`${this.#computer(step.computer).name} is ${step.ahead} s ahead`)
      case 'a bad line for the administrator':
        this.#adminFault = step.fault
        return
      case 'time':
        return this.#passTime(step.by)
      case 'restart':
        return this.#restart()
      default:
        return administer(this.#administration, this.#model, step, this.#enrollSomewhere)
    }
  }

  /**
   * No sequence gets stuck: whatever happened, each address comes to a working certificate, on a computer that may have
   * been through anything.
   */
  async end(): Promise<void> {
    await assertCertificates(this.#model, this.#published)
    this.#story.push('the end comes, some days later, with all clocks right')
    this.#adminFault = null
    await setTime(afterAll(this.#model), this.#model, this.#server)
    await this.#published.watch()
    for (const computer of this.#computers) computer.skew = 0
    for (const address of this.#model.addresses.filter((one) => one !== WATCHER)) {
      await bringToActive(this.#administration, this.#model, address, this.#enrollSomewhere)
    }
    await assertSound(this.#server, this.#model, this.#published)
    await this.#judgeLetters()
    await assertCertificates(this.#model, this.#published)
    for (const computer of this.#computers) await this.#assertOpens(computer)
  }

  async close(): Promise<void> {
    for (const computer of [this.#watcher, ...this.#computers]) await computer.close()
  }

  // Enrollment.

  /** On the computer that was its user's, whatever has become of it, or else on a new one. */
  readonly #enrollSomewhere = async (key: TemporaryKey) => {
    const last = this.#computers.length - 1
    const index = this.#computers.findIndex((one) => isFor(one, key))
    if (index === -1) await this.#lose(last)
    await this.#enroll(this.#computer(index === -1 ? last : index), key, null)
  }

  async #enroll(computer: Computer, key: TemporaryKey, fault: NetworkFault | null): Promise<void> {
    const before = computer.pending
    const allowed = this.#enrollmentOutcomes(computer, key, fault)
    computer.network.begin(fault)
    const { code, result } = await outcomeOf((await computer.agent()).enroll({ temporaryKey: key.text }))
    this.#story.push(`${computer.name} enrolls with ${named(key)}${spoken(fault)}: ${code ?? 'done'}`)
    await this.#wire.follow([computer])
    this.#followEnrollment(computer, key, before)
    const paths = computer.network.attempts.map(({ path }) => path)
    const isSent = paths.lastIndexOf(PATHS.enroll) > paths.lastIndexOf(PATHS.offer)
    const mayBeDone = code === 'server-unreachable' || code === 'revocation-list-refused'
    if (isSent && mayBeDone) expect(hasPending(computer), 'whether what was begun is kept').toBe(true)
    expect(allowed, `what may come of an enrollment on ${computer.name}, and ${code ?? 'done'} came`).toContain(
      code ?? 'done',
    )
    if (result !== null) {
      const enrolled = this.#wire.enrolledBy.get(key)
      expect(result.fingerprint, 'the key that was enrolled').toBe(enrolled?.fingerprint)
      expect(result.recoveredKeys, 'how many keys came back').toBe(key.returns?.length ?? 0)
      await this.#assertOpens(computer)
    }
  }

  /** What may come of it, as far as the model and the two clocks say; the answers on the wire are compared exactly. */
  #enrollmentOutcomes(computer: Computer, key: TemporaryKey, fault: NetworkFault | null): Allowed {
    const model = this.#model
    const onTheWay: Allowed = fault === null || fault.how === 'sent twice' ? [] : ['server-unreachable']
    const lists: Allowed = this.#isListAcceptable(computer) ? [] : ['revocation-list-refused']
    const finish = (temporaryKey: TemporaryKey, validFrom: number): Allowed => {
      const known = this.#isAnswered(temporaryKey, computer)
      const userId = { address: temporaryKey.address, name: temporaryKey.name }
      const facts = { fault: null, isArchiveEntryRight: true, userId, validFrom, fingerprint: '' }
      return [(known ? null : model.enrollmentRefusal(temporaryKey, facts)) ?? 'done', ...lists]
    }
    const { pending } = computer
    if (pending?.temporaryKey === key) return [...finish(key, pending.validFrom), ...onTheWay]
    const ended = model.endOf(key)
    const isClockRight = Math.abs(computer.skew) <= 300
    const isLater = model.now + computer.skew < key.issued - 3600
    const begin =
      ended !== null
        ? [ended]
        : !isClockRight || isLater
          ? (['clock-wrong'] as const)
          : isFor(computer, key)
            ? finish(key, model.now + computer.skew)
            : (['already-exists'] as const)
    if (pending === null) return [...begin, ...onTheWay]
    const settle = finish(pending.temporaryKey, pending.validFrom).filter((code) => code !== 'done')
    // What was begun may be finished first, and be another person's.
    return [...begin, ...settle, ...onTheWay, 'already-exists']
  }

  /** Whether the server keeps the reply to the enrollment that was begun here. */
  #isAnswered(temporaryKey: TemporaryKey, computer: Computer): boolean {
    const key = this.#wire.enrolledBy.get(temporaryKey)
    const isOurs = computer.pending?.temporaryKey === temporaryKey
    return isOurs && key !== undefined && this.#wire.keepsReply(key)
  }

  /** What a computer holds and has begun, from what was sent and what lies in its folder. */
  #followEnrollment(computer: Computer, key: TemporaryKey, before: Computer['pending']): void {
    const isBegun = before?.temporaryKey !== key && computer.network.attempts.some(({ path }) => path === PATHS.offer)
    if (before !== null && isBegun) {
      // What was begun before was finished, or set aside since its temporary key had ended.
      const finished = this.#answerTo(computer, before.temporaryKey) === null
      if (finished) this.#hold(computer, before.temporaryKey)
      computer.pending = null
    }
    if (isBegun && hasPending(computer))
      computer.pending = { temporaryKey: key, validFrom: this.#model.now + computer.skew }
    if (hasPending(computer)) return
    computer.pending = null
    if (this.#answerTo(computer, key) === null) this.#hold(computer, key)
  }

  /** The code of the last answer to an enrollment with a temporary key; null for a reply, undefined if none came. */
  #answerTo({ network }: Computer, key: TemporaryKey): string | null | undefined {
    const pskId = Buffer.from(secretsOf(key).pskId)
    const answers = network.attempts.filter(({ path, body }) => path === PATHS.enroll && pskIdIn(body).equals(pskId))
    return answers.at(-1)?.answer?.code
  }

  #hold(computer: Computer, temporaryKey: TemporaryKey): void {
    const key = this.#wire.enrolledBy.get(temporaryKey)
    if (key === undefined) throw new Error('an enrollment was finished that the server did not do')
    // Another person's key file is kept beside it, and opens nothing more here.
    if (!isFor(computer, key)) computer.holds.clear()
    for (const one of [key, ...(temporaryKey.returns ?? [])]) computer.holds.add(one)
    computer.user = key
    computer.knowsEnd = false
  }

  async #enrollTwice(key: TemporaryKey): Promise<void> {
    const pair = [this.#computer(0), this.#computer(1)]
    const befores = pair.map(({ pending }) => pending)
    const allowed = pair.map((one) => this.#enrollmentOutcomes(one, key, null))
    for (const { network } of pair) network.begin(null)
    const agents = await Promise.all(pair.map((one) => one.agent()))
    const outcomes = await Promise.all(agents.map((one) => outcomeOf(one.enroll({ temporaryKey: key.text }))))
    const said = outcomes.map(({ code }) => code ?? 'done')
    this.#story.push(`two computers enroll at once with ${named(key)}: ${said.join(' and ')}`)
    await this.#wire.follow(pair)
    for (const [i, computer] of pair.entries()) {
      this.#followEnrollment(computer, key, befores[i] ?? null)
      // Who comes second finds the clock as it was, or the key used, or a list that the other one's enrollment made.
      const late: Allowed = ['temporary-key-used', 'already-exists']
      expect([...(allowed[i] ?? []), ...late]).toContain(said[i])
    }
    for (const computer of pair) await this.#assertOpens(computer)
  }

  // Other commands.

  async #copy(from: Computer, to: Computer): Promise<void> {
    if (from === to || from.user === null) return
    const isOthers = !isFor(to, from.user)
    const bytes = await (await from.agent()).keyFile.read()
    const { code, result } = await outcomeOf((await to.agent()).keyFile.use(bytes))
    this.#story.push(`the key file of ${from.name} is copied to ${to.name}: ${code ?? 'done'}`)
    expect(code, 'the refusal of a copied key file').toBe(isOthers ? 'already-exists' : null)
    if (result === null) return
    for (const key of from.holds) to.holds.add(key)
    to.user = [...to.holds].find(({ fingerprint }) => fingerprint === result.fingerprint) ?? null
    to.knowsEnd = false
    await this.#assertOpens(to)
  }

  async #sync(computer: Computer, fault: NetworkFault | null): Promise<void> {
    const { code } = await this.#command(computer, 'sync', fault, (agent) => agent.sync())
    const refused: Allowed = this.#isListAcceptable(computer) ? [] : ['revocation-list-refused']
    this.#assertAllowed(computer, code, fault, ['done', ...refused])
    if (code === null && this.#isListAcceptable(computer)) this.#learn(computer)
    if (code === null && fault === null) await this.#assertNewest(computer)
  }

  async #report(computer: Computer, fault: NetworkFault | null): Promise<void> {
    const refusal = this.#refusal(computer, 'report')
    const { code } = await this.#command(computer, 'report', fault, (agent) => agent.report())
    this.#assertAllowed(computer, code, fault, [refusal ?? 'done', ...this.#beforeTheKey(computer)])
  }

  async #renew(computer: Computer, fault: NetworkFault | null): Promise<void> {
    const refusal = this.#refusal(computer, 'renew')
    const { code } = await this.#command(computer, 'renew', fault, (agent) => agent.renew())
    const isCurrent = computer.user?.mailbox.current?.key === computer.user
    // What it has not heard of yet, it may find to be done, or not to be due.
    const own: Allowed = isCurrent ? [] : ['done', 'certificate-revoked', 'certificate-expired', 'clock-wrong']
    this.#assertAllowed(computer, code, fault, [
      refusal === 'task-not-allowed' ? 'done' : (refusal ?? 'done'),
      ...own,
      ...this.#beforeTheKey(computer),
    ])
    if (code === null && fault === null) await this.#assertNewest(computer)
  }

  /** A computer that just asked knows what its key was renewed to, here or elsewhere. */
  async #assertNewest(computer: Computer): Promise<void> {
    const { current } = computer.user?.mailbox ?? {}
    if (current?.key !== computer.user) return
    const { serial } = await (await computer.agent()).status()
    expect(serial, `the serial number that ${computer.name} knows`).toBe(current?.serial)
  }

  async #revoke(computer: Computer, reason: RevokeReason, fault: NetworkFault | null): Promise<void> {
    const refusal = this.#refusal(computer, 'revoke')
    const { code } = await this.#command(computer, `revoke (${reason})`, fault, (agent) => agent.revoke({ reason }))
    // Revoking again is no failure, unless the key was only replaced.
    const again: Allowed = refusal === 'certificate-revoked' ? ['done', 'revocation-list-refused'] : []
    this.#assertAllowed(computer, code, fault, [refusal ?? 'done', ...again, ...this.#beforeTheKey(computer)])
  }

  /** The clock may be set back behind the key's own beginning. */
  #beforeTheKey({ user, skew }: Computer): Allowed {
    return user !== null && this.#model.now + skew < (user.certificates[0]?.validFrom ?? 0) ? ['clock-wrong'] : []
  }

  /** What the model says to a request as this computer would send it now. */
  #refusal({ user, skew }: Computer, purpose: UserTask): ErrorCode | null {
    const certificate = user?.certificates.at(-1)
    if (certificate === undefined) return 'not-enrolled'
    const time = this.#model.now + skew
    return this.#model.requestRefusal({ purpose, certificate, time, isGenuine: true, isBodyRight: true })
  }

  async #command<T>(computer: Computer, what: string, fault: NetworkFault | null, work: (agent: Agent) => Promise<T>) {
    computer.network.begin(fault)
    const outcome = await outcomeOf(work(await computer.agent()))
    this.#story.push(`${computer.name}: ${what}${spoken(fault)}: ${outcome.code ?? 'done'}`)
    await this.#wire.follow([computer])
    return outcome
  }

  #assertAllowed({ name, user }: Computer, code: ErrorCode | null, fault: NetworkFault | null, allowed: Allowed): void {
    const wanted: Allowed = user === null ? ['not-enrolled'] : allowed
    const onTheWay: Allowed = user === null || fault === null ? [] : ['server-unreachable', 'certificate-revoked']
    expect([...wanted, ...onTheWay], `what ${name} may hear, and ${code ?? 'done'} came`).toContain(code ?? 'done')
  }

  #learn(computer: Computer): void {
    computer.knowsEnd ||= computer.user !== null && this.#isListed(computer.user)
  }

  #isListed(key: Key): boolean {
    const listed = this.#model.listAt(this.#published.list.thisUpdate)
    return key.certificates.some((one) => listed.includes(one))
  }

  async #sign(computer: Computer): Promise<void> {
    const { user, skew } = computer
    const agent = await computer.agent()
    const from = user?.address ?? ADDRESSES[0]
    const number = this.#mail.letters.length
    const letter = utf8(`From: ${from}\r\nTo: ${WATCHER}\r\nSubject: ${number}\r\n\r\nLetter ${number}.\r\n`)
    const { code, result } = await outcomeOf(agent.sign(letter))
    const signedAt = this.#model.now + skew
    this.#story.push(`${computer.name} signs letter ${number} at ${signedAt - START}: ${code ?? 'done'}`)
    if (user === null) return expect(code).toBe('not-enrolled')
    const known = await agent.status()
    const isValid = known.validFrom <= signedAt && signedAt < known.validTo
    if (isValid && user.ends.length === 0) expect(code, 'the refusal to sign with a good key').toBe(null)
    if (!isValid || computer.knowsEnd) expect(code, 'the refusal to sign with a key that ended').not.toBe(null)
    if (result !== null) this.#mail.letters.push({ key: user, signedAt, message: result })
  }

  async #lose(index: number): Promise<void> {
    const lost = this.#computer(index)
    await lost.close()
    const options = { folder: this.#server.folder, now: () => this.#model.now, url: () => this.#server.url }
    this.#computers[index] = await openComputer(`${lost.name}, a new one`, options)
    this.#story.push(`${lost.name} is lost`)
  }

  async #assertOpens(computer: Computer): Promise<void> {
    if (computer.user === null) return
    await this.#mail.assertOpens(computer)
    if (this.#isListAcceptable(computer)) this.#learn(computer)
  }

  /** If the list that is out is one that the watcher's agent may take. */
  async #judgeLetters(): Promise<void> {
    if (this.#isListAcceptable(this.#watcher)) await this.#mail.judge(this.#watcher, this.#published.list)
  }

  #isListAcceptable({ skew }: Computer): boolean {
    const now = this.#model.now + skew
    const { thisUpdate, nextUpdate } = this.#published.list
    return thisUpdate <= now + 300 && nextUpdate >= now - 300
  }

  // Time.

  async #passTime(by: Time): Promise<void> {
    await passTime(by, this.#model, this.#server)
    this.#story.push(`${by} passes: it is ${this.#model.now - START}`)
    await this.#published.watch()
  }

  async #restart(): Promise<void> {
    const model = this.#model
    this.#story.push('the server is stopped and started')
    if (model.listRefusal() !== null)
      return void this.#story.push('... or not: its clock is a day behind its last list')
    model.swept()
    this.#administration.swept()
    this.#wire.swept()
    await this.#server.restart()
  }

  #computer(index: number): Computer {
    return this.#computers[index] as Computer
  }

  async #withTemporaryKey(nth: number, work: (key: TemporaryKey) => Promise<void>): Promise<void> {
    const keys = temporaryKeysInTurn(this.#model)
    const key = keys[nth % Math.max(1, keys.length)]
    if (key !== undefined) await work(key)
  }
}

const spoken = (fault: NetworkFault | null) => (fault === null ? '' : `, request ${fault.request} ${fault.how}`)

/** Lives through steps with a fresh server and fresh agents, and tries at the end whether anything is stuck. */
export async function liveWithAgents(template: Template, steps: readonly AgentsStep[], story: Story): Promise<void> {
  const server = await startKmServer(template.folder)
  try {
    const { index } = await server.store.read((reads) => reads.journalHead())
    const model = new Model(START, index)
    const options = { folder: server.folder, now: () => model.now, url: () => server.url }
    const at = (home: string) => ({ ...options, home: join(server.folder, home) })
    const watcher = await openComputer('the watcher', at('watcher'))
    const [first, ...others] = COMPUTERS
    const computers = [await openComputer(first, at('first'))]
    for (const name of others) computers.push(await openComputer(name, options))
    const held = await Promise.all(template.enrolled.map((one) => tellModel(server, model, one)))
    const published = await openPublished(server, model)
    const life = new AgentsLife({ server, model, published, story, watcher, computers })
    try {
      await life.begin(held[1])
      for (const step of steps) await life.take(step)
      await life.end()
    } finally {
      await life.close()
    }
  } finally {
    await server.end()
  }
}
