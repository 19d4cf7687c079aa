import { DatabaseSync } from 'node:sqlite'
import { concat, deriveTemporaryKeySecrets, parseTemporaryKey, toBase64url, toHex } from '@mailseal/common'
import { sealArchiveEntry } from '@mailseal/common/archive-entry'
import { makeUserKey, OPENPGP_CONFIG, parseCertificate, readSecretSubkey } from '@mailseal/common/certificate'
import { parseCrl } from '@mailseal/common/crl'
import { openHistory } from '@mailseal/common/history'
import { type IssuedKey, PATHS } from '@mailseal/common/rpc'
import * as openpgp from 'openpgp'
import { describe, expect, it, vi } from 'vitest'
import { readPackets, writePackets } from '../../../common/src/certificate/packets.ts'
import { databasePath } from '../../src/store/sqlite/index.ts'
import {
  enroll,
  issuedOf,
  type Organization,
  organization,
  PASSWORD,
  prepareEnrollment,
  START,
  sendEnrollment,
  sendReport,
  signReport,
  soleResult,
  type User,
} from '../organization.ts'
import { shareAmong } from '../quorum.ts'

const ALICE = 'alice@example.org'
const RECOVERY = 'Key recovery in progress'
const addresses = [ALICE]

/** An Active mailbox. */
async function active(org: Organization): Promise<User> {
  return enroll(org.rpc, await org.enabled(ALICE), org.clock.at)
}

const recover = async (org: Organization) => issuedOf(await org.task('recover', { addresses }))

/** A new key after a minute. */
async function enrollAgain(org: Organization, issued: IssuedKey): Promise<User> {
  org.clock.at += 60
  return enroll(org.rpc, issued, org.clock.at)
}

/** The secret subkeys that came back, as hex; null for what does not open. */
function recovered(issued: IssuedKey, { reply }: User): (string | null)[] {
  const { historyKey } = deriveTemporaryKeySecrets(parseTemporaryKey(issued.temporaryKey))
  return openHistory(historyKey, reply.recovered).map((piece) => piece && toHex(piece))
}

const secretOf = ({ key }: User) => toHex(key.secretSubkey)

const view = async (org: Organization) => (await org.task('mailboxes.list', { addresses })).mailboxes[0]

async function listEntries(org: Organization) {
  const list = await org.rpc.getBytes(PATHS.crl, 10_000)
  return [...parseCrl(list?.bytes ?? new Uint8Array()).entries]
}

async function certificateAt(org: Organization, name: string) {
  const answer = await org.rpc.getBytes(PATHS.certificates + name, 100_000)
  return parseCertificate(answer?.bytes ?? new Uint8Array())
}

function database<T>(org: Organization, work: (db: DatabaseSync) => T): T {
  const db = new DatabaseSync(databasePath(org.dataFolder))
  try {
    return work(db)
  } finally {
    db.close()
  }
}

async function encryptTo(binaryKey: Uint8Array, text: string): Promise<Uint8Array> {
  const encryptionKeys = await openpgp.readKey({ binaryKey, config: OPENPGP_CONFIG })
  const message = await openpgp.createMessage({ text })
  const options = { date: new Date(START * 1000), config: OPENPGP_CONFIG }
  return (await openpgp.encrypt({ message, encryptionKeys, format: 'binary', ...options })) as Uint8Array
}

/** Opens a message with a bare secret subkey. */
async function open(binaryMessage: Uint8Array, secretSubkey: Uint8Array): Promise<string> {
  const message = await openpgp.readMessage({ binaryMessage, config: OPENPGP_CONFIG })
  const { subkey } = await readSecretSubkey(secretSubkey)
  const [packet] = message.packets
  const sessionKey = packet as unknown as {
    decrypt(key: openpgp.SecretSubkeyPacket): Promise<void>
    sessionKey: Uint8Array
    sessionKeyAlgorithm: number
  }
  await sessionKey.decrypt(subkey)
  const algorithm = openpgp.enums.read(openpgp.enums.symmetric, sessionKey.sessionKeyAlgorithm) as 'aes256'
  const sessionKeys = { data: sessionKey.sessionKey, algorithm }
  return (await openpgp.decrypt({ message, sessionKeys, config: OPENPGP_CONFIG })).data
}

describe('a recovery', () => {
  it('returns the lost key, keeps the old certificate until the new one is there, and then replaces it', async () => {
    const org = await organization()
    const first = await active(org)
    const letter = await encryptTo(first.reply.certificate, 'from before')
    const issued = await recover(org)
    expect(issued).toMatchObject({ status: RECOVERY, history: { keys: 1, damaged: [] } })
    expect(await view(org)).toMatchObject({ status: RECOVERY, certificate: { serial: first.reply.serial } })
    expect(await listEntries(org)).toEqual([])

    const second = await enrollAgain(org, issued)
    expect(recovered(issued, second)).toEqual([secretOf(first)])
    expect(await open(letter, Buffer.from(recovered(issued, second)[0] ?? '', 'hex'))).toBe('from before')
    expect(await view(org)).toMatchObject({
      status: 'Active',
      archivedKeys: 2,
      certificate: { serial: second.reply.serial, fingerprint: second.key.fingerprint },
    })
    await vi.waitFor(async () => {
      expect(await listEntries(org)).toMatchObject([
        { serial: first.reply.serial, revokedAt: START + 60, reason: 'replaced' },
      ])
    })
    const old = await certificateAt(org, first.key.fingerprint)
    const types = (signatures: readonly openpgp.SignaturePacket[]) => signatures.map((one) => one.signatureType)
    const { certPositive, certRevocation, subkeyBinding, subkeyRevocation } = openpgp.enums.signature
    expect(types(old.primarySignatures)).toEqual([])
    expect(types(old.userIdSignatures)).toEqual([certPositive, certPositive, certRevocation])
    expect(types(old.subkeySignatures)).toEqual([subkeyBinding, subkeyRevocation])
    expect(toHex((await certificateAt(org, ALICE)).bytes)).toBe(toHex(second.reply.certificate))

    const { entries } = await org.task('journal', {})
    expect(entries.slice(-2)).toMatchObject([
      { task: 'recover', subject: ALICE, result: 'done', administrators: ['admin'] },
      { task: 'enroll', subject: ALICE, result: 'done', administrators: [] },
    ])
    expect(org.logged).toEqual([])
  })

  it('returns every key again the second time, oldest first, though no clock tells which was', async () => {
    const org = await organization()
    const first = await active(org)
    const second = await enroll(org.rpc, await recover(org), org.clock.at)
    org.clock.at -= 30
    const third = await enroll(org.rpc, await recover(org), org.clock.at)
    const issued = await recover(org)
    expect(issued.history).toEqual({ keys: 3, damaged: [] })
    const fourth = await enrollAgain(org, issued)
    expect(recovered(issued, fourth)).toEqual([first, second, third].map(secretOf))
    expect(await view(org)).toMatchObject({ archivedKeys: 4, certificate: { serial: fourth.reply.serial } })
  })

  it.each(['revoked', 'recovered and canceled'])(
    'returns the key to a mailbox that is enabled again: %s',
    async (how) => {
      const org = await organization()
      const first = await active(org)
      if (how === 'recovered and canceled') {
        await recover(org)
        await org.task('cancel', { addresses })
      }
      await org.task('revoke', { addresses, reason: 'left' })
      const issued = issuedOf(await org.task('enable', { addresses }))
      expect(issued).toMatchObject({ status: RECOVERY, history: { keys: 1, damaged: [] } })
      const second = await enrollAgain(org, issued)
      expect(recovered(issued, second)).toEqual([secretOf(first)])
      // Its entry stays as it was.
      org.clock.at += 60
      await org.task('revoke', { addresses, reason: 'compromised' })
      const entries = await listEntries(org)
      expect(entries.find(({ serial }) => serial === first.reply.serial)).toMatchObject({
        revokedAt: START,
        reason: 'left',
      })
    },
  )

  it('names damaged entries, and returns the others all the same', async () => {
    const org = await organization()
    const first = await active(org)
    const second = await enrollAgain(org, await recover(org))
    const damage = (fingerprint: string) =>
      database(org, (db) => {
        const update = db.prepare('update archive_entries set entry = ? where subkey_fingerprint = ?')
        const row = db.prepare('select entry from archive_entries where subkey_fingerprint = ?').get(fingerprint)
        const entry = row?.entry as Uint8Array
        update.run(
          entry.map((byte, at) => (at === entry.length - 1 ? byte ^ 1 : byte)),
          fingerprint,
        )
      })
    damage(first.key.subkeyFingerprint)
    const issued = await recover(org)
    expect(issued.history).toEqual({ keys: 1, damaged: [first.key.subkeyFingerprint] })
    const third = await enrollAgain(org, issued)
    expect(recovered(issued, third)).toEqual([secretOf(second)])

    damage(second.key.subkeyFingerprint)
    damage(third.key.subkeyFingerprint)
    const nothing = await recover(org)
    expect(nothing.history).toMatchObject({ keys: 0, damaged: { length: 3 } })
    expect(recovered(nothing, await enrollAgain(org, nothing))).toEqual([])
  })

  it.each(['another subkey', 'the secret of another subkey', 'a second subkey too', 'no subkey'])(
    'names an entry in which an agent archived %s',
    async (what) => {
      const org = await organization()
      const issued = await org.enabled(ALICE)
      const { authority, offer, key } = await prepareEnrollment(issued)
      const other = await makeUserKey(offer.userId, START)
      const secret = {
        'another subkey': other.secretSubkey,
        'the secret of another subkey': await swapped(key.secretSubkey, other.secretSubkey),
        'a second subkey too': concat(key.secretSubkey, other.secretSubkey),
        'no subkey': key.secretKey,
      }[what] as Uint8Array
      const { rootFingerprint, generation, archiveKey } = authority
      const { subkeyFingerprint } = key
      const subject = { rootFingerprint, generation, mailbox: offer.mailbox, subkeyFingerprint }
      const archiveEntry = toBase64url(await sealArchiveEntry(archiveKey, subject, secret))
      const { request } = await prepareEnrollment(issued, { key, content: { archiveEntry } })
      await sendEnrollment(org.rpc, request)
      expect((await recover(org)).history).toEqual({ keys: 0, damaged: [subkeyFingerprint] })
    },
  )

  it('leaves the user at work until then, also when it is canceled', async () => {
    const org = await organization()
    const first = await active(org)
    const issued = await recover(org)
    await expect(sendReport(org.rpc, await signReport(first))).resolves.toEqual({ crlNumber: START })
    expect(soleResult(await org.task('cancel', { addresses }))).toEqual({ address: ALICE, status: 'Active' })
    await expect(sendReport(org.rpc, await signReport(first))).resolves.toEqual({ crlNumber: START })
    expect(await view(org)).toMatchObject({ status: 'Active', certificate: { serial: first.reply.serial } })
    const { request } = await prepareEnrollment(issued)
    await expect(sendEnrollment(org.rpc, request)).rejects.toMatchObject({
      code: 'temporary-key-canceled',
      message: 'the temporary key was canceled on 2026-09-21',
      hint: `ask your administrator for a new one ("mailseal-admin recover ${ALICE}")`,
    })
    expect((await recover(org)).history).toEqual({ keys: 1, damaged: [] })
  })

  it('is over when the mailbox is revoked', async () => {
    const org = await organization()
    const first = await active(org)
    const issued = await recover(org)
    const revoked = soleResult(await org.task('revoke', { addresses, reason: 'compromised' }))
    expect(revoked).toMatchObject({ status: 'Disabled', serials: [first.reply.serial] })
    const { request } = await prepareEnrollment(issued)
    await expect(sendEnrollment(org.rpc, request)).rejects.toMatchObject({
      code: 'temporary-key-canceled',
      hint: `ask your administrator for a new one ("mailseal-admin enable ${ALICE}")`,
    })
    expect(await view(org)).toMatchObject({ status: 'Disabled', certificate: null, temporaryKey: null })
  })

  it('is refused at enrollment while no list could follow, and nothing is used up', async () => {
    const org = await organization()
    const first = await active(org)
    org.clock.at += 2 * 86400
    await org.restart()
    org.clock.at -= 2 * 86400
    const issued = await recover(org)
    const { request } = await prepareEnrollment(issued)
    await expect(sendEnrollment(org.rpc, request)).rejects.toMatchObject({
      code: 'clock-wrong',
      message: 'the last revocation list is more than 24 hours ahead of the clock',
    })
    expect(await view(org)).toMatchObject({ status: RECOVERY, certificate: { serial: first.reply.serial } })
    expect(await listEntries(org)).toEqual([])
    org.clock.at += 2 * 86400
    expect(recovered(issued, await enrollAgain(org, issued))).toEqual([secretOf(first)])
  })
})

/** The public half of one subkey with the secret of another. */
async function swapped(subkey: Uint8Array, other: Uint8Array): Promise<Uint8Array> {
  const [[mine], [theirs]] = await Promise.all([readPackets(subkey, 'mine'), readPackets(other, 'theirs')])
  const secret = (packet: unknown) => packet as { privateParams: unknown }
  if (!mine || !theirs) throw new TypeError('no packets')
  secret(mine).privateParams = secret(theirs).privateParams
  return writePackets(mine)
}

describe('the history that waits', () => {
  it.each(['enroll', 'reissue', 'cancel', 'revoke', 'remove', 'move', 'expiry'])(
    'dies with its temporary key: %s',
    async (end) => {
      const org = await organization()
      await active(org)
      const issued = await recover(org)
      const { pskId } = deriveTemporaryKeySecrets(parseTemporaryKey(issued.temporaryKey))
      const waiting = () =>
        database(org, (db) => db.prepare('select sealed_history from temporary_keys where psk_id = ?').get(pskId))
      expect(waiting()).toEqual({ sealed_history: expect.any(Uint8Array) })
      if (end === 'enroll') await enrollAgain(org, issued)
      if (end === 'reissue') await org.task('reissue', { addresses })
      if (end === 'cancel') await org.task('cancel', { addresses })
      if (end === 'revoke') await org.task('revoke', { addresses, reason: 'left' })
      if (end === 'remove') await org.task('mailboxes.remove', { addresses })
      if (end === 'move') await org.task('mailboxes.change', { address: ALICE, newAddress: 'anna@example.org' })
      if (end === 'expiry') {
        org.clock.at += 14 * 86400
        await org.restart()
      }
      expect(waiting()).toEqual({ sealed_history: null })
    },
  )

  it('comes again with a reissued key, also after the first one expired', async () => {
    const org = await organization()
    const first = await active(org)
    await recover(org)
    org.clock.at += 15 * 86400
    await org.restart()
    expect(await view(org)).toMatchObject({ status: RECOVERY, temporaryKey: { expired: true } })
    const issued = issuedOf(await org.task('reissue', { addresses }))
    expect(issued).toMatchObject({ status: RECOVERY, history: { keys: 1, damaged: [] } })
    expect(recovered(issued, await enrollAgain(org, issued))).toEqual([secretOf(first)])
  })

  it('opens with nothing but its temporary key, and is none for a first enrollment', async () => {
    const org = await organization()
    const issued = await org.enabled(ALICE)
    expect(issued.history).toBeNull()
    const first = await enroll(org.rpc, issued)
    expect(first.reply.recovered).toEqual([])
    const second = await enrollAgain(org, await recover(org))
    expect(recovered(issued, second)).toEqual([null])
  })
})

describe('a recovery that takes two of three administrators', () => {
  const tooFew = (address: string) => ({
    code: 'password-wrong',
    message: `the key history of ${address} requires the passwords of 2 administrators, and 1 were entered`,
    hint: 'enter the passwords of 2 administrators',
  })

  it('is refused to one of them, and done for any two', async () => {
    const org = await organization()
    const first = await active(org)
    const [admin, bob, eve] = await shareAmong(org, 2, ['bob', 'eve'])
    if (!admin || !bob || !eve) throw new TypeError('no administrators')
    const ask = async (...credentials: (typeof admin)[]) =>
      issuedOf(await org.task('recover', { addresses }, { credentials }))
    for (const one of [admin, bob, eve]) await expect(ask(one)).rejects.toMatchObject(tooFew(ALICE))
    await expect(ask(bob, bob)).rejects.toMatchObject(tooFew(ALICE))
    await expect(ask(bob, { ...eve, password: PASSWORD })).rejects.toMatchObject({
      code: 'password-wrong',
      message: 'administrator name or password is wrong',
    })
    expect(await view(org)).toMatchObject({ status: 'Active' })
    const { entries } = await org.task('journal', {})
    expect(
      entries.slice(-5).map(({ task, subject, result, administrators }) => [task, subject, result, administrators]),
    ).toEqual([
      ['recover', ALICE, 'password-wrong', ['admin']],
      ['recover', ALICE, 'password-wrong', ['bob']],
      ['recover', ALICE, 'password-wrong', ['eve']],
      ['recover', ALICE, 'password-wrong', ['bob']],
      ['recover', '', 'password-wrong', []],
    ])

    await expect(ask(bob, eve)).resolves.toMatchObject({ status: RECOVERY, history: { keys: 1, damaged: [] } })
    const reissue = async (...credentials: (typeof admin)[]) =>
      issuedOf(await org.task('reissue', { addresses }, { credentials }))
    await expect(reissue(admin)).rejects.toMatchObject(tooFew(ALICE))
    const issued = await reissue(admin, eve, bob)
    expect(recovered(issued, await enrollAgain(org, issued))).toEqual([secretOf(first)])
  })

  it('does not take them where no history is wanted, also not for another temporary key', async () => {
    const org = await organization()
    await active(org)
    await shareAmong(org, 2, ['bob', 'eve'])
    await org.task('revoke', { addresses, reason: 'left' })
    await expect(org.task('enable', { addresses }).then(issuedOf)).rejects.toMatchObject(tooFew(ALICE))
    const without = issuedOf(await org.task('enable', { addresses, withoutHistory: true }))
    expect(without).toMatchObject({ status: RECOVERY, history: null })
    expect(issuedOf(await org.task('reissue', { addresses }))).toMatchObject({ status: RECOVERY, history: null })
    org.clock.at += 15 * 86400
    await org.restart()
    const issued = issuedOf(await org.task('reissue', { addresses }))
    expect(issued.history).toBeNull()
    expect((await enrollAgain(org, issued)).reply.recovered).toEqual([])
    // The archive still has it, for whoever has the quorum.
    expect(await view(org)).toMatchObject({ archivedKeys: 2 })
  })

  it('does each address by itself', async () => {
    const org = await organization()
    await active(org)
    await org.task('mailboxes.add', { address: 'bob@example.org', name: 'Bob' })
    await org.task('revoke', { addresses, reason: 'left' })
    await shareAmong(org, 2, ['bob', 'eve'])
    const { results } = await org.task('enable', { addresses: [ALICE, 'bob@example.org'] })
    expect(results).toMatchObject([
      { address: ALICE, error: tooFew(ALICE) },
      { address: 'bob@example.org', status: 'New', history: null },
    ])
  })
})
