import { isDeepStrictEqual } from 'node:util'
import { canonicalJson, equalBytes, sha256, utf8 } from '@mailseal/common'
import { type Authority, readAuthority, trustedAuthorities } from '@mailseal/common/authority'
import { evaluateCertificate, type TrustedAuthority, verifyForPurpose } from '@mailseal/common/certificate'
import { type CrlEntry, type CrlHeader, checkCrl } from '@mailseal/common/crl'
import { PATHS } from '@mailseal/common/rpc'
import { expect } from 'vitest'
import type { KmServer } from './km-server.ts'
import { DAY, type Key, type Model, RECOVERY } from './model.ts'

/** What everybody may see of a KM server, and one who watches every list. */
export interface Published {
  readonly authority: Authority
  readonly authorities: readonly TrustedAuthority[]
  /** The list that is out, once it was looked at. */
  readonly list: CrlHeader
  /** Looks at the list as an agent does that holds the one before; null while it lacks what the model lists. */
  watch(): Promise<void>
  certificate(name: string): Promise<Uint8Array | null>
}

const HARD_REASONS: readonly string[] = ['compromised', 'unspecified']

export async function openPublished(server: KmServer, model: Model): Promise<Published> {
  const get = async (path: string) => {
    const response = await fetch(server.url + path)
    const bytes = new Uint8Array(await response.arrayBuffer())
    return response.status === 404 ? null : bytes
  }
  const authority = readAuthority((await get(PATHS.authority)) ?? new Uint8Array())
  const authorities = await trustedAuthorities(authority)
  let held: { readonly bytes: Uint8Array; readonly header: CrlHeader; readonly entries: readonly CrlEntry[] } | null =
    null

  /** As an agent does whose clock is right: the server's own may have been set since. */
  const check = async (bytes: Uint8Array) => {
    if (held !== null && equalBytes(held.bytes, bytes)) return held
    const { header, entries } = await checkCrl(bytes, {
      authorities: new Set(authorities.map(({ fingerprint }) => fingerprint)),
      verify: async (signed, signature, issuer, thisUpdate) => {
        const key = authorities.find(({ fingerprint }) => fingerprint === issuer)?.key
        const options = { purpose: 'revocation-list', domains: authority.domains, bytes: signed, signature } as const
        return key !== undefined && (await verifyForPurpose(key, options)) === thisUpdate
      },
      now: Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(24)),
      held: held?.bytes,
    })
    held = { bytes, header, entries: [...entries] }
    return held
  }

  const published = {
    authority,
    authorities,
    get list() {
      if (held === null) throw new TypeError('no list was looked at')
      return held.header
    },
    async watch() {
      // An enrollment's answer does not wait for the list that says what it replaced.
      const deadline = performance.now() + 2000
      for (;;) {
        const bytes = await get(PATHS.crl)
        if (bytes === null) throw new Error('there is no revocation list')
        const { header, entries } = await check(bytes)
        const wanted = model
          .listAt(header.thisUpdate)
          .map(({ serial, validTo, listed }) => ({
            serial,
            revokedAt: listed?.at,
            expiryDay: Math.floor(validTo / DAY),
            reason: listed?.reason,
          }))
          .sort((a, b) => (a.serial < b.serial ? -1 : 1))
        model.listNumber = header.number
        if (isDeepStrictEqual(entries, wanted)) return
        if (performance.now() > deadline) expect(entries, 'the revocation list').toEqual(wanted)
        await new Promise(setImmediate)
      }
    },
    certificate: (name: string) => get(PATHS.certificates + encodeURIComponent(name)),
  }
  await published.watch()
  return published
}

/** What has to be true after every command, whatever was done and by whom. */
export async function assertSound(server: KmServer, model: Model, published: Published): Promise<void> {
  expect(server.logged, "the server's log").toEqual([])
  await published.watch()
  await assertMailboxes(server, model)
  await assertTemporaryKeys(server, model)
  await assertJournal(server, model)
}

async function assertMailboxes({ store, clock }: KmServer, model: Model): Promise<void> {
  const views = await store.read((reads) => reads.mailboxViews({ limit: 100 }, clock.now()))
  const seen = views.map(({ id, address, name, status, certificate, temporaryKey, archivedKeys }) => ({
    ...{ id, address, name, status, archivedKeys },
    certificate: certificate && {
      serial: certificate.serial,
      fingerprint: certificate.fingerprint,
      validFrom: certificate.validFrom,
      validTo: certificate.validTo,
      expired: certificate.expired,
    },
    temporaryKey: temporaryKey && { expires: temporaryKey.expires, expired: temporaryKey.expired },
  }))
  const wanted = model.mailboxes
    .filter(({ isRemoved }) => !isRemoved)
    .map(({ id, address, name, status, current, keys, temporaryKeys }) => {
      const waiting = status === 'New' || status === RECOVERY ? temporaryKeys.at(-1) : undefined
      return {
        ...{ id, address, name, status, archivedKeys: keys.length },
        certificate: current && {
          serial: current.serial,
          fingerprint: current.key.fingerprint,
          validFrom: current.validFrom,
          validTo: current.validTo,
          expired: current.validTo <= model.now,
        },
        temporaryKey: waiting
          ? { expires: waiting.expires, expired: waiting.ended !== null || waiting.expires <= model.now }
          : null,
      }
    })
    .sort((a, b) => (a.address < b.address ? -1 : 1))
  expect(seen, 'the mailboxes').toEqual(wanted)
}

/** One live temporary key at most, and no secrets of one that ended. */
async function assertTemporaryKeys({ store }: KmServer, model: Model): Promise<void> {
  for (const mailbox of model.mailboxes) {
    const live = await store.read((reads) => reads.liveTemporaryKey(mailbox.id))
    const wanted = model.liveTemporaryKey(mailbox)
    expect(live?.expires, `the live temporary key of ${mailbox.address}`).toBe(wanted?.expires)
    const isWaiting = live !== null && live.sealedHistory !== null
    expect(isWaiting, `whether history waits for ${mailbox.address}`).toBe(wanted !== null && wanted.returns !== null)
  }
  expect(model.mailboxes.every((one) => one.temporaryKeys.filter(({ ended }) => ended === null).length <= 1)).toBe(true)
}

const JOURNAL_LABEL = utf8('mailseal/1 journal\n')

/** Whole, and with one entry for each task. */
async function assertJournal({ store }: KmServer, model: Model): Promise<void> {
  const { checked } = model
  const rows = await store.read((reads) => reads.journal(checked.index, 10_000))
  for (const { hash, salt, ...entry } of rows) {
    const { index, time, task, administrators, subject, result, requestId } = entry
    const written = canonicalJson({
      index,
      time,
      task,
      administrators: [...administrators],
      subject,
      result,
      requestId,
    })
    checked.head = sha256(JOURNAL_LABEL, checked.head, sha256(salt, written))
    checked.index += 1
    const isNext = index === checked.index && equalBytes(checked.head, hash)
    if (!isNext) throw new Error(`the journal's chain breaks at entry ${index}`)
  }
  const newest = rows.slice(-3).map(({ task, result }) => `${task}: ${result}`)
  expect(checked.index, `entries in the journal, which ends with ${newest.join(', ')}`).toBe(model.journaled)
}

/** By fingerprint every key that ever was, with its ends; by address the current one or else the last. */
export async function assertCertificates(model: Model, published: Published): Promise<void> {
  for (const key of model.keys) {
    const bytes = await published.certificate(key.fingerprint)
    if (bytes === null) throw new Error(`the certificate ${key.fingerprint} of ${key.address} is not published`)
    const { authority, authorities } = published
    const { certifications, revocations } = await evaluateCertificate(bytes, authorities, authority.domains)
    const serials = certifications.map(({ serial }) => serial).sort()
    expect(serials, `the serial numbers in ${key.address}`).toEqual(key.certificates.map(({ serial }) => serial).sort())
    expect(endsIn(revocations), `the ends in the certificate of ${key.address}`).toEqual(endsOf(key))
  }
  for (const address of new Set(model.mailboxes.map((one) => one.address))) {
    const mailbox = model.mailboxAt(address)
    const newest = mailbox?.keys.at(-1)
    // One for another address is not this one's.
    const ended = newest?.address === address ? newest : null
    const key = mailbox?.current?.key ?? ended
    const bytes = await published.certificate(address)
    const found = bytes && (await evaluateCertificate(bytes, published.authorities, published.authority.domains))
    expect(found?.fingerprint ?? null, `the certificate published for ${address}`).toBe(key?.fingerprint ?? null)
  }
}

function endsIn(revocations: readonly { kind: string; at: number; reason: string | null }[]): string[] {
  return [
    ...new Set(revocations.map(({ kind, at, reason }) => (kind === 'key' ? 'by the key' : `${reason} at ${at}`))),
  ].sort()
}

function endsOf({ ends }: Key): string[] {
  const hard = ends.some(({ reason }) => HARD_REASONS.includes(reason))
  return [...new Set([...ends.map(({ reason, at }) => `${reason} at ${at}`), ...(hard ? ['by the key'] : [])])].sort()
}
