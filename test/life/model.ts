import { addMonths, type ErrorCode } from '@mailseal/common'
import type { RevocationReason } from '@mailseal/common/crl'
import type { Status } from '@mailseal/common/rpc'

/*
 * DESIGN.md, sections 3, 5, 6 and 8, in plain words: what a KM server has to remember and to refuse. It shares no code
 * with the server. Times are Unix seconds.
 */

const MINUTE = 60
const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR
export const RECOVERY = 'Key recovery in progress'

export type StatusTask = 'enable' | 'reissue' | 'cancel' | 'revoke' | 'recover'
export type TaskOnMailbox = StatusTask | 'mailboxes.change' | 'mailboxes.remove'
export type UserTask = 'report' | 'renew' | 'revoke'

/** Section 5's table; what is not there is not allowed. */
const TABLE: Record<StatusTask, Partial<Record<Status, Status | 'as before'>>> = {
  enable: { Undefined: 'New', Disabled: RECOVERY },
  reissue: { New: 'New', [RECOVERY]: RECOVERY },
  cancel: { New: 'Undefined', [RECOVERY]: 'as before' },
  revoke: { New: 'Undefined', Active: 'Disabled', [RECOVERY]: 'Disabled' },
  recover: { Active: RECOVERY, Disabled: RECOVERY },
}

/** What a mailbox is after its address changed. */
const MOVED: Record<Status, Status> = {
  Undefined: 'Undefined',
  New: 'Undefined',
  Active: 'Disabled',
  [RECOVERY]: 'Disabled',
  Disabled: 'Disabled',
}

export interface Revocation {
  at: number
  reason: RevocationReason
}

/** A serial number. */
export interface Certificate {
  readonly serial: string
  readonly key: Key
  readonly validFrom: number
  readonly validTo: number
  /** How it stands on the revocation list. */
  listed: Revocation | null
}

/** A user's key, once it was enrolled. */
export interface Key {
  readonly fingerprint: string
  readonly subkeyFingerprint: string
  readonly mailbox: Mailbox
  /** That of the mailbox when it was enrolled: it stands in the certificate for ever. */
  readonly address: string
  readonly certificates: Certificate[]
  /** What the published certificate says of its end, the CA's word for each. */
  readonly ends: Revocation[]
  /** Whether the archive's entry is another's: an agent may send what it likes. */
  readonly isArchiveDamaged: boolean
}

export type TemporaryKeyEnd = 'used' | 'expired' | 'replaced' | 'canceled' | 'revoked'

export interface TemporaryKey {
  readonly text: string
  readonly mailbox: Mailbox
  readonly address: string
  readonly name: string
  readonly issued: number
  readonly expires: number
  /** Keys whose encryption secrets it returns, oldest first; null if it returns no history. */
  readonly returns: readonly Key[] | null
  ended: TemporaryKeyEnd | null
}

export interface Mailbox {
  readonly id: string
  address: string
  name: string
  status: Status
  isRemoved: boolean
  current: Certificate | null
  /** In the order of their enrollments. */
  readonly keys: Key[]
  readonly temporaryKeys: TemporaryKey[]
}

/** What is true of a key and an enrollment before the server looks at its own books. */
export interface EnrollmentFacts {
  /** What is wrong inside, as the server words it. */
  readonly fault: ErrorCode | null
  readonly isArchiveEntryRight: boolean
  readonly userId: { readonly address: string; readonly name: string }
  readonly validFrom: number
  readonly fingerprint: string
}

/** What is true of a signed request before the server looks at its own books. */
export interface RequestFacts {
  readonly purpose: UserTask
  readonly certificate: Certificate
  readonly time: number
  /** Whether root, serial number and signature are right. */
  readonly isGenuine: boolean
  /** Whether a renewal's signatures are as they have to be. */
  readonly isBodyRight: boolean
}

const ENDED_CODES: Record<TemporaryKeyEnd, ErrorCode> = {
  used: 'temporary-key-used',
  expired: 'temporary-key-expired',
  replaced: 'temporary-key-replaced',
  canceled: 'temporary-key-canceled',
  revoked: 'temporary-key-canceled',
}

const dayOf = (time: number) => Math.floor(time / DAY)

export class Model {
  /** The server's clock. */
  now: number
  /** The latest time that it ever said. */
  latest: number
  /** Number of the list that is out. */
  listNumber = 0
  /** How many entries the journal has. */
  journaled: number
  /** How far its chain was looked at, and the hash there. */
  readonly checked = { index: 0, head: new Uint8Array(32) }
  /** Every one that ever was, those removed as well. */
  readonly mailboxes: Mailbox[] = []

  constructor(now: number, journaled: number) {
    this.now = now
    this.latest = now
    this.journaled = journaled
  }

  mailboxAt(address: string): Mailbox | null {
    return this.mailboxes.find((one) => one.address === address && !one.isRemoved) ?? null
  }

  /** Of mailboxes that are, or were. */
  get addresses(): string[] {
    return [...new Set(this.mailboxes.map(({ address }) => address))]
  }

  get temporaryKeys(): TemporaryKey[] {
    return this.mailboxes.flatMap((mailbox) => mailbox.temporaryKeys)
  }

  get keys(): Key[] {
    return this.mailboxes.flatMap((mailbox) => mailbox.keys)
  }

  get certificates(): Certificate[] {
    return this.keys.flatMap((key) => key.certificates)
  }

  // Mailboxes.

  added(id: string, address: string, name: string): void {
    const mailbox = { id, address, name, status: 'Undefined', isRemoved: false, current: null } as const
    this.mailboxes.push({ ...mailbox, keys: [], temporaryKeys: [] })
  }

  /** Why a task is refused for an address; null if it is done. */
  refusalOf(task: TaskOnMailbox, address: string): ErrorCode | null {
    const mailbox = this.mailboxAt(address)
    if (mailbox === null) return 'not-found'
    if (task in TABLE && TABLE[task as StatusTask][mailbox.status] === undefined) return 'task-not-allowed'
    const ends = task === 'mailboxes.change' ? 'replaced' : 'unspecified'
    const publishes = task === 'revoke' || task === 'mailboxes.remove' || task === 'mailboxes.change'
    return publishes && this.#ending(mailbox, ends).length > 0 ? this.listRefusal() : null
  }

  /** A list that can't be made refuses what has to stand on it. */
  listRefusal(): ErrorCode | null {
    return Math.max(this.listNumber + 1, this.now) > this.now + DAY ? 'clock-wrong' : null
  }

  /** The status that an allowed task leads to. */
  #statusAfter(task: StatusTask, { status, current }: Mailbox): Status {
    const after = TABLE[task][status]
    if (after === undefined) throw new TypeError(`${task} is not allowed for ${status}`)
    if (after === 'as before') return current === null ? 'Disabled' : 'Active'
    return after
  }

  /** Whether a temporary key for this mailbox returns its history. */
  returnsHistory(task: 'enable' | 'reissue' | 'recover', mailbox: Mailbox, withoutHistory: boolean): boolean {
    if (task === 'recover') return true
    if (task === 'enable') return mailbox.status === 'Disabled' && !withoutHistory
    // What the recovery was begun with: the last key that was issued belongs to it.
    return mailbox.status === RECOVERY && mailbox.temporaryKeys.at(-1)?.returns !== null
  }

  issued(
    task: 'enable' | 'reissue' | 'recover',
    mailbox: Mailbox,
    text: string,
    withoutHistory: boolean,
  ): TemporaryKey {
    const { address, name } = mailbox
    const withHistory = this.returnsHistory(task, mailbox, withoutHistory)
    const key: TemporaryKey = {
      ...{ text, mailbox, address, name, issued: this.now, expires: this.now + 14 * DAY, ended: null },
      returns: withHistory ? mailbox.keys.filter((one) => !one.isArchiveDamaged) : null,
    }
    this.#endTemporaryKey(mailbox, 'replaced')
    mailbox.status = this.#statusAfter(task, mailbox)
    mailbox.temporaryKeys.push(key)
    return key
  }

  canceled(mailbox: Mailbox): void {
    this.#endTemporaryKey(mailbox, 'canceled')
    mailbox.status = this.#statusAfter('cancel', mailbox)
  }

  revoked(mailbox: Mailbox, reason: RevocationReason): string[] {
    this.#endTemporaryKey(mailbox, 'revoked')
    const serials = this.#end(mailbox, reason)
    mailbox.status = this.#statusAfter('revoke', mailbox)
    mailbox.current = null
    return serials
  }

  removed(mailbox: Mailbox): string[] {
    this.#endTemporaryKey(mailbox, 'revoked')
    const serials = this.#end(mailbox, 'left')
    Object.assign(mailbox, { isRemoved: true, current: null, status: 'Undefined' })
    return serials
  }

  moved(mailbox: Mailbox, address: string): string[] {
    if (address === mailbox.address) return []
    this.#endTemporaryKey(mailbox, 'canceled')
    const serials = this.#end(mailbox, 'replaced')
    Object.assign(mailbox, { address, current: null, status: MOVED[mailbox.status] })
    return serials
  }

  // Temporary keys.

  /** Which one a mailbox's next enrollment may use. */
  liveTemporaryKey(mailbox: Mailbox): TemporaryKey | null {
    return mailbox.temporaryKeys.find(({ ended }) => ended === null) ?? null
  }

  #endTemporaryKey(mailbox: Mailbox, how: TemporaryKeyEnd): void {
    const key = this.liveTemporaryKey(mailbox)
    if (key === null) return
    this.noticeExpiry(key)
    key.ended ??= how
  }

  /** Once the server noticed, a key stays expired, whatever the clock says afterwards. */
  noticeExpiry(key: TemporaryKey): void {
    if (key.ended === null && this.now >= key.expires) key.ended = 'expired'
  }

  /** What the holder of a temporary key hears of it; null if it is alive. */
  endOf({ ended, expires }: TemporaryKey): ErrorCode | null {
    if (ended !== null) return ENDED_CODES[ended]
    return this.now >= expires ? 'temporary-key-expired' : null
  }

  /** At every start, and every so often. */
  swept(): void {
    for (const key of this.temporaryKeys) this.noticeExpiry(key)
  }

  // Enrollment.

  enrollmentRefusal(key: TemporaryKey, facts: EnrollmentFacts): ErrorCode | null {
    const { fault, userId, validFrom, fingerprint } = facts
    const ended = this.endOf(key)
    if (ended !== null) return ended
    if (fault !== null) return fault
    if (userId.address !== key.address || userId.name !== key.name) return 'bad-data'
    if (validFrom < key.issued - HOUR || validFrom > this.now + 5 * MINUTE) return 'clock-wrong'
    if (!facts.isArchiveEntryRight) return 'bad-data'
    if (this.keys.some((one) => one.fingerprint === fingerprint)) return 'already-exists'
    return this.#ending(key.mailbox, 'replaced').length > 0 ? this.listRefusal() : null
  }

  enrolled(
    temporaryKey: TemporaryKey,
    facts: Pick<Key, 'fingerprint' | 'subkeyFingerprint' | 'isArchiveDamaged'> & { serial: string; validFrom: number },
  ): Certificate {
    const { mailbox, address } = temporaryKey
    const { serial, validFrom, ...rest } = facts
    temporaryKey.ended = 'used'
    this.#end(mailbox, 'replaced')
    const key: Key = { ...rest, mailbox, address, certificates: [], ends: [] }
    mailbox.keys.push(key)
    return this.#certified(key, serial, validFrom, 'Active')
  }

  #certified(key: Key, serial: string, validFrom: number, status: Status): Certificate {
    const certificate = { serial, key, validFrom, validTo: addMonths(validFrom, 18), listed: null }
    key.certificates.push(certificate)
    key.mailbox.current = certificate
    key.mailbox.status = status
    return certificate
  }

  // Users' requests.

  requestRefusal({ purpose, certificate, time, isGenuine, isBodyRight }: RequestFacts): ErrorCode | null {
    if (!isGenuine) return 'untrusted'
    if (Math.abs(time - this.now) > 10 * MINUTE) return 'clock-wrong'
    const { mailbox } = certificate.key
    const { current } = mailbox
    if (current === null || current.key !== certificate.key) return 'certificate-revoked'
    if (purpose === 'revoke') return this.#ending(mailbox, 'unspecified').length > 0 ? this.listRefusal() : null
    // An older serial number of the same key: another computer asks for what was renewed already.
    if (purpose === 'report' || certificate !== current) return null
    if (this.now < addMonths(current.validFrom, 12)) return 'task-not-allowed'
    if (this.now > current.validTo + 60 * DAY) return 'certificate-expired'
    if (time > this.now + 5 * MINUTE) return 'clock-wrong'
    return isBodyRight ? null : 'bad-data'
  }

  /** The old serial number stays valid until its end. */
  renewed({ key }: Certificate, serial: string, validFrom: number): Certificate {
    return this.#certified(key, serial, validFrom, key.mailbox.status)
  }

  // Ends.

  /** Serial numbers that an end for this reason would put on the list, or give another reason there. */
  #ending(mailbox: Mailbox, reason: RevocationReason): Certificate[] {
    return mailbox.keys
      .flatMap((key) => key.certificates)
      .filter(({ validTo, listed }) => {
        const canEnd = listed === null || (listed.reason === 'replaced' && reason !== 'replaced')
        return validTo > this.now && canEnd
      })
  }

  #end(mailbox: Mailbox, reason: RevocationReason): string[] {
    const ending = this.#ending(mailbox, reason)
    const keys = new Set(ending.map(({ key }) => key))
    if (mailbox.current !== null) keys.add(mailbox.current.key)
    for (const certificate of ending) {
      certificate.listed = { at: Math.min(certificate.listed?.at ?? this.now, this.now), reason }
    }
    for (const key of keys) {
      const newest = Math.max(...key.certificates.map(({ validFrom }) => validFrom))
      key.ends.push({ at: Math.max(this.now, newest), reason })
    }
    return ending.map(({ serial }) => serial)
  }

  /** What a list made then has to hold. */
  listAt(thisUpdate: number): Certificate[] {
    return this.certificates.filter(({ listed, validTo }) => listed !== null && dayOf(validTo) >= dayOf(thisUpdate))
  }

  /**
   * Section 8 on a letter from the key's own address, for a reader who has that list and the newest certificate.
   *
   * @param remembers - Whether the reader saw every list, and so every revocation, before.
   */
  verdictOn(
    { key, signedAt }: { key: Key; signedAt: number },
    { thisUpdate, remembers }: { thisUpdate: number; remembers: boolean },
  ): 'good' | 'revoked' | 'expired' | 'bad' {
    if (signedAt > this.now + 5 * MINUTE) return 'bad'
    const listed = remembers
      ? key.certificates
      : key.certificates.filter((one) => this.listAt(thisUpdate).includes(one))
    const revocations = [...listed.flatMap((one) => one.listed ?? []), ...key.ends]
    if (revocations.some(({ at, reason }) => reason !== 'replaced' || signedAt > at)) return 'revoked'
    const isCovered = key.certificates.some(({ validFrom, validTo }) => validFrom <= signedAt && signedAt < validTo)
    return isCovered ? 'good' : 'expired'
  }
}
