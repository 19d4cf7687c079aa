import { deriveTemporaryKeySecrets, parseTemporaryKey, systemRandom, toBase64url, toHex } from '@mailseal/common'
import { makeUserKey, readPrimarySecret, type UserKey } from '@mailseal/common/certificate'
import { openEnrollmentReply } from '@mailseal/common/enrollment'
import { serverTimeMac } from '@mailseal/common/offer'
import { offerAnswerSchema, PATHS } from '@mailseal/common/rpc'
import { enums, PublicSubkeyPacket } from 'openpgp'
import { describe, expect, it } from 'vitest'
import {
  makeSignature,
  readPackets,
  SIGNATURE,
  SUBKEY_FLAGS,
  writePackets,
} from '../../../common/src/certificate/packets.ts'
import { enroll, organization, prepareEnrollment, sendEnrollment, sendReport, signReport } from '../organization.ts'

const ALICE = 'alice@example.org'
const USER_ID = `Alice <${ALICE}>`

describe('the holder of a temporary key that ended', () => {
  const ENDS = {
    used: { code: 'temporary-key-used', message: 'the temporary key was used on 2026-09-21' },
    replaced: {
      code: 'temporary-key-replaced',
      message: 'the temporary key was replaced by a newer one on 2026-09-21',
    },
    canceled: { code: 'temporary-key-canceled', message: 'the temporary key was canceled on 2026-09-21' },
    revoked: {
      code: 'temporary-key-canceled',
      message: 'the temporary key ended when its mailbox was revoked on 2026-09-21',
    },
    expired: { code: 'temporary-key-expired', message: 'the temporary key expired on 2026-10-05' },
  } as const

  it.each(Object.keys(ENDS) as (keyof typeof ENDS)[])('hears that it was %s', async (how) => {
    const org = await organization()
    const issued = await org.enabled(ALICE)
    const { request } = await prepareEnrollment(issued)
    if (how === 'used') await enroll(org.rpc, issued)
    if (how === 'replaced') await org.task('reissue', { addresses: [ALICE] })
    if (how === 'canceled') await org.task('cancel', { addresses: [ALICE] })
    if (how === 'revoked') await org.task('revoke', { addresses: [ALICE], reason: 'left' })
    if (how === 'expired') org.clock.at += 14 * 86400
    await expect(sendEnrollment(org.rpc, request)).rejects.toMatchObject(ENDS[how])
    const { pskId } = deriveTemporaryKeySecrets(parseTemporaryKey(issued.temporaryKey))
    const body = { pskId: toBase64url(pskId), nonce: toBase64url(systemRandom(16)) }
    await expect(org.rpc.post(PATHS.offer, body, offerAnswerSchema)).rejects.toMatchObject(ENDS[how])
    const { entries } = await org.task('journal', {})
    expect(entries.at(-1)).toMatchObject({ task: 'enroll', subject: ALICE, result: ENDS[how].code })
  })

  it('hears that it expired also if it was replaced after that', async () => {
    const org = await organization()
    const { request } = await prepareEnrollment(await org.enabled(ALICE))
    org.clock.at += 14 * 86400 + 3 * 86400
    await org.task('reissue', { addresses: [ALICE] })
    await expect(sendEnrollment(org.rpc, request)).rejects.toMatchObject(ENDS.expired)
  })

  it('hears nothing if it never was one of this server', async () => {
    const org = await organization()
    const other = await organization()
    const { request } = await prepareEnrollment(await other.enabled(ALICE))
    await expect(sendEnrollment(org.rpc, request)).rejects.toMatchObject({
      code: 'temporary-key-unknown',
      message: 'the temporary key is unknown to this KM server',
    })
  })
})

describe('the offer', () => {
  it('comes from the server to who has the temporary key alone, with its time', async () => {
    const org = await organization()
    const issued = await org.enabled(ALICE)
    const { pskId, macKey } = deriveTemporaryKeySecrets(parseTemporaryKey(issued.temporaryKey))
    const nonce = systemRandom(16)
    org.clock.at += 5
    const body = { pskId: toBase64url(pskId), nonce: toBase64url(nonce) }
    const answer = await org.rpc.post(PATHS.offer, body, offerAnswerSchema)
    expect(answer).toEqual({
      offer: issued.offer,
      mac: issued.mac,
      authority: issued.authority,
      time: org.clock.at,
      timeMac: serverTimeMac(macKey, nonce, org.clock.at),
    })
  })
})

describe('an enrollment request that is wrong', () => {
  it('is refused and leaves the temporary key as it was', async () => {
    const org = await organization()
    const issued = await org.enabled(ALICE)
    const bob = await org.enabled('bob@example.org')
    const used = await enroll(org.rpc, bob)
    const wrongs: [object, { key?: Awaited<ReturnType<typeof makeUserKey>>; content?: object; at?: number }][] = [
      [
        {
          code: 'bad-data',
          message: 'the certificate is not as it has to be: its user id is not the one of the offer',
        },
        { key: await makeUserKey('Boss <boss@example.org>', org.clock.at) },
      ],
      [
        { code: 'clock-wrong', message: 'the certificate begins before its temporary key was issued' },
        { at: org.clock.at - 3601 },
      ],
      [{ code: 'clock-wrong', message: 'the certificate begins in the future' }, { at: org.clock.at + 301 }],
      [
        { code: 'bad-data', message: 'this is no sealed object of the kind MSEALARC, version 1' },
        { content: { archiveEntry: toBase64url(new Uint8Array(100)) } },
      ],
      [
        {
          code: 'bad-data',
          message: 'the certificate is not as it has to be: its key revocation says something else than it has to',
        },
        { content: { keyRevocation: toBase64url((await makeUserKey(USER_ID, org.clock.at)).keyRevocation) } },
      ],
    ]
    for (const [expected, changes] of wrongs) {
      const { request } = await prepareEnrollment(issued, changes)
      await expect(sendEnrollment(org.rpc, request)).rejects.toMatchObject(expected)
    }
    const { request } = await prepareEnrollment(issued)
    for (const at of [10, 90, request.length - 1]) {
      const changed = Uint8Array.from(request, (byte, i) => (i === at ? byte ^ 1 : byte))
      await expect(sendEnrollment(org.rpc, changed)).rejects.toMatchObject({
        code: expect.stringMatching(/^(cannot-decrypt|bad-data)$/),
      })
    }
    await expect(sendEnrollment(org.rpc, request.slice(0, 60))).rejects.toMatchObject({
      code: 'bad-data',
      message: 'the enrollment request is cut off',
    })
    expect(used.reply.serial).not.toBe((await enroll(org.rpc, issued)).reply.serial)
  })

  it("is refused with another mailbox's subkey bound to a new primary, also after that was revoked", async () => {
    const org = await organization()
    const bob = await enroll(org.rpc, await org.enabled('bob@example.org'))
    const issued = await org.enabled(ALICE)
    const key = await stealSubkey(bob.key, USER_ID)
    expect(key.subkeyFingerprint).toBe(bob.key.subkeyFingerprint)
    const { request } = await prepareEnrollment(issued, { key })
    const expected = { code: 'already-exists', message: 'the key of this certificate was enrolled before' }
    await expect(sendEnrollment(org.rpc, request)).rejects.toMatchObject(expected)
    await org.task('revoke', { addresses: ['bob@example.org'], reason: 'compromised' })
    await expect(sendEnrollment(org.rpc, request)).rejects.toMatchObject(expected)
    await enroll(org.rpc, issued)
  })
})

/** Anybody can bind an encryption subkey: it signs nothing itself. */
async function stealSubkey(victim: UserKey, userId: string): Promise<UserKey> {
  const { validFrom, validTo } = victim
  const own = await makeUserKey(userId, validFrom)
  const primary = await readPrimarySecret(own.secretKey)
  const [key, userIdPacket, selfSignature] = await readPackets(own.certificate, 'own')
  const [, , , subkey] = await readPackets(victim.certificate, 'victim')
  if (!key || !userIdPacket || !selfSignature || !(subkey instanceof PublicSubkeyPacket)) throw new TypeError('no key')
  const data = { key: primary, bind: subkey }
  const binding = await makeSignature(SIGNATURE.subkeyBinding, primary, data, validFrom, {
    keyExpirationTime: validTo - validFrom,
    keyFlags: new Uint8Array([SUBKEY_FLAGS]),
  })
  const subkeyRevocation = await makeSignature(SIGNATURE.subkeyRevocation, primary, data, validFrom, {
    reasonForRevocationFlag: enums.reasonForRevocation.noReason,
    reasonForRevocationString: '',
  })
  return {
    ...own,
    subkeyFingerprint: victim.subkeyFingerprint,
    certificate: writePackets(key, userIdPacket, selfSignature, subkey, binding),
    subkeyRevocation: writePackets(subkeyRevocation),
  }
}

describe('a reply that was lost', () => {
  it('comes again with the same bytes, also after a restart, until the first signed request', async () => {
    const org = await organization()
    const { request, ...prepared } = await prepareEnrollment(await org.enabled(ALICE))
    const first = await sendEnrollment(org.rpc, request)
    await org.restart()
    org.clock.at += 86400
    const second = await sendEnrollment(org.rpc, request)
    expect(toHex(second)).toBe(toHex(first))
    const user = { ...prepared, request, reply: openEnrollmentReply(prepared.replyKey, request, second) }
    await sendReport(org.rpc, await signReport(user, { time: org.clock.at }))
    await expect(sendEnrollment(org.rpc, request)).rejects.toMatchObject({ code: 'temporary-key-used' })
  })

  it('is kept for 30 days', async () => {
    const org = await organization()
    const { request } = await prepareEnrollment(await org.enabled(ALICE))
    await sendEnrollment(org.rpc, request)
    org.clock.at += 30 * 86400 + 1
    await org.restart()
    await expect(sendEnrollment(org.rpc, request)).rejects.toMatchObject({ code: 'temporary-key-used' })
  })
})
