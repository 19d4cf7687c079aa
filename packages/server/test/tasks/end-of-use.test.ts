import { DatabaseSync } from 'node:sqlite'
import { SPANS, toHex } from '@mailseal/common'
import { parseCertificate, validToOf } from '@mailseal/common/certificate'
import { REVOKE_REASONS } from '@mailseal/common/rpc'
import { describe, expect, it, vi } from 'vitest'
import { databasePath } from '../../src/store/sqlite/index.ts'
import { raw } from '../http/raw.ts'
import { enroll, issuedOf, type Organization, organization, START, soleResult } from '../organization.ts'
import { certificateAt, evaluated, listEntries } from '../published.ts'

const ALICE = 'alice@example.org'
const addresses = [ALICE]

/** A mailbox whose first key was replaced by a recovery after a minute. */
async function recovered() {
  const org = await organization()
  const first = await enroll(org.rpc, await org.enabled(ALICE))
  org.clock.at += 60
  const second = await enroll(org.rpc, issuedOf(await org.task('recover', { addresses })), org.clock.at)
  await vi.waitFor(async () => expect(await listEntries(org)).toHaveLength(1))
  return { org, first, second }
}

const entriesBySerial = async (org: Organization) =>
  Object.fromEntries((await listEntries(org)).map(({ serial, reason, revokedAt }) => [serial, [reason, revokedAt]]))

describe('what ended as replaced', () => {
  it('is published so, and its signatures before that stay good', async () => {
    const { org, first, second } = await recovered()
    const old = await evaluated(first, await certificateAt(org, first.key.fingerprint))
    expect(old.revocations).toEqual([{ kind: 'certification', at: START + 60, reason: 'replaced' }])
    expect(await entriesBySerial(org)).toEqual({ [first.reply.serial]: ['replaced', START + 60] })
    const { fingerprint, revocations } = await evaluated(second, await certificateAt(org, ALICE))
    expect([fingerprint, revocations]).toEqual([second.key.fingerprint, []])
  })

  it.each(REVOKE_REASONS)('is %s when its mailbox is revoked so, at the time that it had', async (reason) => {
    const { org, first, second } = await recovered()
    org.clock.at += SPANS.day
    const answer = soleResult(await org.task('revoke', { addresses, reason }))
    expect('serials' in answer && [...answer.serials].sort()).toEqual([first.reply.serial, second.reply.serial].sort())
    expect(await entriesBySerial(org)).toEqual({
      [first.reply.serial]: [reason, START + 60],
      [second.reply.serial]: [reason, org.clock.at],
    })
    const isHard = reason === 'compromised' || reason === 'unspecified'
    const byCa = { kind: 'certification', at: org.clock.at, reason }
    const byKey = (at: number) => (isHard ? [{ kind: 'key', at, reason: null }] : [])
    const old = await evaluated(first, await certificateAt(org, first.key.fingerprint))
    const replaced = { kind: 'certification', at: START + 60, reason: 'replaced' }
    expect(old.revocations).toEqual([replaced, byCa, ...byKey(START)])
    const ended = await evaluated(second, await certificateAt(org, ALICE))
    expect([ended.fingerprint, ended.revocations]).toEqual([second.key.fingerprint, [byCa, ...byKey(START + 60)]])
  })

  it('stays as it is when its own certificate has expired meanwhile', async () => {
    const { org, first, second } = await recovered()
    org.clock.at = validToOf(START)
    const before = await certificateAt(org, first.key.fingerprint)
    const answer = soleResult(await org.task('revoke', { addresses, reason: 'compromised' }))
    expect(answer).toMatchObject({ serials: [second.reply.serial] })
    expect(toHex(await certificateAt(org, first.key.fingerprint))).toBe(toHex(before))
  })
})

describe('a key that version 1 revoked', () => {
  it('is published as ended at the next start, so that it stays revoked when its entry leaves the list', async () => {
    const org = await organization()
    const user = await enroll(org.rpc, await org.enabled(ALICE))
    await org.task('revoke', { addresses, reason: 'compromised' })
    await org.stop()
    const database = new DatabaseSync(databasePath(org.dataFolder))
    database.prepare('update keys set certificate = ?, owes_end = 1').run(user.reply.certificate)
    database.close()
    org.clock.at = validToOf(START) + 2 * SPANS.day
    await org.restart()
    expect(await listEntries(org)).toEqual([])
    const published = await certificateAt(org, user.key.fingerprint)
    const { certifications, revocations } = await evaluated(user, published)
    expect(certifications).toHaveLength(1)
    expect(revocations).toEqual([
      { kind: 'certification', at: START, reason: 'compromised' },
      { kind: 'key', at: START, reason: null },
    ])
    expect((await parseCertificate(published)).subkeySignatures).toHaveLength(2)
    await org.restart()
    expect(toHex(await certificateAt(org, user.key.fingerprint))).toBe(toHex(published))
  })
})

describe('an ended certificate', () => {
  it('is on the list also when its pre-made revocations are damaged', async () => {
    const org = await organization()
    const user = await enroll(org.rpc, await org.enabled(ALICE))
    const database = new DatabaseSync(databasePath(org.dataFolder))
    database.exec("update keys set sealed_subkey_revocation = x'01', owes_end = 1")
    database.close()
    const answer = soleResult(await org.task('revoke', { addresses, reason: 'left' }))
    expect(answer).toMatchObject({ status: 'Disabled', serials: [user.reply.serial] })
    expect(await entriesBySerial(org)).toEqual({ [user.reply.serial]: ['left', START] })
    await org.restart()
    expect((await evaluated(user, await certificateAt(org, ALICE))).revocations).toEqual([])
  })

  it('keeps the signatures that it had, and its subkey is revoked for good', async () => {
    const org = await organization()
    const user = await enroll(org.rpc, await org.enabled(ALICE))
    await org.task('revoke', { addresses, reason: 'superseded' })
    const before = await parseCertificate(user.reply.certificate)
    const after = await parseCertificate(await certificateAt(org, ALICE))
    const count = ({ primarySignatures, userIdSignatures, subkeySignatures }: typeof before) =>
      [primarySignatures, userIdSignatures, subkeySignatures].map(({ length }) => length)
    expect([count(before), count(after)]).toEqual([
      [0, 2, 1],
      [0, 3, 2],
    ])
    const [, revocation] = after.subkeySignatures
    expect(revocation).toMatchObject({ signatureType: 0x28, reasonForRevocationFlag: 0 })
  })

  it('is dated after its certification, though the clock of its user ran ahead', async () => {
    const org = await organization()
    const user = await enroll(org.rpc, await org.enabled(ALICE), START + SPANS.clockTolerance)
    await org.task('revoke', { addresses, reason: 'left' })
    const { revocations } = await evaluated(user, await certificateAt(org, ALICE))
    expect(revocations).toEqual([{ kind: 'certification', at: START + SPANS.clockTolerance, reason: 'left' }])
  })

  it('is what its address shows until another one is there, and nothing once the mailbox is gone', async () => {
    const { org, first, second } = await recovered()
    const shown = async () => (await parseCertificate(await certificateAt(org, ALICE))).fingerprint
    await org.task('revoke', { addresses, reason: 'left' })
    expect(await shown()).toBe(second.key.fingerprint)
    const issued = issuedOf(await org.task('enable', { addresses }))
    expect(await shown()).toBe(second.key.fingerprint)
    org.clock.at += 60
    const third = await enroll(org.rpc, issued, org.clock.at)
    expect(await shown()).toBe(third.key.fingerprint)
    await org.task('mailboxes.remove', { addresses })
    expect(await raw(`${org.url}/v1/certificates/${ALICE}`)).toMatchObject({
      status: 404,
      code: 'not-found',
      message: 'alice@example.org has no certificate here',
    })
    for (const { key } of [first, second, third]) {
      const { fingerprint } = await parseCertificate(await certificateAt(org, key.fingerprint))
      expect(fingerprint).toBe(key.fingerprint)
    }
  })

  it('is not shown for the new address of its mailbox, which it does not name', async () => {
    const org = await organization()
    const user = await enroll(org.rpc, await org.enabled(ALICE))
    await org.task('mailboxes.change', { address: ALICE, newAddress: 'alice@example.net' })
    for (const address of [ALICE, 'alice@example.net']) {
      expect(await raw(`${org.url}/v1/certificates/${address}`), address).toMatchObject({
        status: 404,
        message: `${address} has no certificate here`,
      })
    }
    const { revocations } = await evaluated(user, await certificateAt(org, user.key.fingerprint))
    expect(revocations).toEqual([{ kind: 'certification', at: START, reason: 'replaced' }])
  })
})

describe('a task for several addresses that breaks off', () => {
  it.each(['revoke', 'mailboxes.remove'] as const)('has the list out for those that are done: %s', async (task) => {
    const org = await organization()
    const user = await enroll(org.rpc, await org.enabled(ALICE))
    await org.enabled('bob@example.org')
    const database = new DatabaseSync(databasePath(org.dataFolder))
    database.exec(`create trigger full before update on mailboxes when old.address = 'bob@example.org'
      begin select raise(abort, 'no space'); end`)
    database.close()
    const parameters = { addresses: [ALICE, 'bob@example.org'] }
    const asked =
      task === 'revoke' ? org.task(task, { ...parameters, reason: 'compromised' }) : org.task(task, parameters)
    await expect(asked).rejects.toMatchObject({ code: 'internal-error' })
    expect(await listEntries(org)).toMatchObject([{ serial: user.reply.serial }])
  })
})
