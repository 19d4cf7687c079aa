import { SPANS, toBase64url } from '@mailseal/common'
import { notationDomain } from '@mailseal/common/authority'
import { makeUserKey, readPrimarySecret, signForPurpose, signMessage, validToOf } from '@mailseal/common/certificate'
import { PATHS, REVOKE_REASONS, renewAnswerSchema } from '@mailseal/common/rpc'
import { unarmor } from 'openpgp'
import { describe, expect, it } from 'vitest'
import {
  enroll,
  issuedOf,
  newId,
  type Organization,
  organization,
  prepareEnrollment,
  START,
  sendEnrollment,
  sendReport,
  signReport,
} from '../organization.ts'
import { certificateAt, evaluated, listEntries } from '../published.ts'
import { sendRenewal, sendRevocation, signRenewal, signRevocation } from '../user-requests.ts'

const ALICE = 'alice@example.org'
const addresses = [ALICE]

async function enrolled(address = ALICE, org?: Organization) {
  const at = org ?? (await organization())
  return { org: at, user: await enroll(at.rpc, await at.enabled(address)) }
}

const statusOf = async (org: Organization) =>
  (await org.task('mailboxes.list', { addresses })).mailboxes.map(({ status, certificate }) => [status, certificate])

async function journaled(org: Organization) {
  const { entries } = await org.task('journal', {})
  return entries
    .filter(({ task, administrators }) => task === 'revoke' && administrators.length === 0)
    .map(({ subject, result, requestId }) => [subject, result, requestId])
}

describe('a user who revokes the own certificate', () => {
  it.each(REVOKE_REASONS)('is answered when the list with it is out: %s', async (reason) => {
    const { org, user } = await enrolled()
    org.clock.at += 60
    const id = newId()
    const answer = await sendRevocation(org.rpc, await signRevocation(user, org.clock.at, reason, { id }))
    const { serial } = user.reply
    expect(answer).toEqual({ serials: [serial], crlNumber: org.clock.at })
    expect(await listEntries(org)).toMatchObject([{ serial, reason, revokedAt: org.clock.at }])
    expect(await statusOf(org)).toEqual([['Disabled', null]])
    expect(await journaled(org)).toEqual([[ALICE, 'done', id]])
    const { revocations } = await evaluated(user, await certificateAt(org, ALICE))
    const byKey = { kind: 'key', at: START, reason: null }
    expect(revocations).toEqual([
      { kind: 'certification', at: org.clock.at, reason },
      ...(reason === 'compromised' || reason === 'unspecified' ? [byKey] : []),
    ])
  })

  it('is not told of a wrong clock when it is done and no list has to say so', async () => {
    const { org, user } = await enrolled()
    org.clock.at = validToOf(START) + 10 * SPANS.day
    await org.restart()
    org.clock.at -= 2 * SPANS.day
    const answer = await sendRevocation(org.rpc, await signRevocation(user, org.clock.at, 'left'))
    expect(answer.serials).toEqual([])
    expect(await statusOf(org)).toEqual([['Disabled', null]])
  })

  it('does it once, and a repeat hears the same also after it was enabled again', async () => {
    const { org, user } = await enrolled()
    const signed = await signRevocation(user, START, 'left')
    const answers = await Promise.all(Array.from({ length: 4 }, () => sendRevocation(org.rpc, signed)))
    const anew = await enroll(org.rpc, issuedOf(await org.task('enable', { addresses })))
    org.clock.at += 900
    answers.push(await sendRevocation(org.rpc, signed))
    for (const { serials, crlNumber } of answers) {
      expect(serials).toEqual([user.reply.serial])
      expect(crlNumber).toBeGreaterThanOrEqual(START)
    }
    expect(await journaled(org)).toHaveLength(1)
    expect(await statusOf(org)).toMatchObject([['Active', { serial: anew.reply.serial }]])
    // The key that it ended has no say over the new one.
    const again = await signRevocation(user, org.clock.at, 'compromised')
    await expect(sendRevocation(org.rpc, again)).rejects.toMatchObject({ code: 'certificate-revoked' })
    expect(await statusOf(org)).toMatchObject([['Active', { serial: anew.reply.serial }]])
  })

  it('ends a key recovery with it, so that its temporary key is void', async () => {
    const { org, user } = await enrolled()
    const { request } = await prepareEnrollment(issuedOf(await org.task('recover', { addresses })))
    await sendRevocation(org.rpc, await signRevocation(user, START, 'compromised'))
    expect(await statusOf(org)).toEqual([['Disabled', null]])
    await expect(sendEnrollment(org.rpc, request)).rejects.toMatchObject({ code: 'temporary-key-canceled' })
  })

  it('can do so with an expired certificate, which is on no list any more', async () => {
    const { org, user } = await enrolled()
    org.clock.at = validToOf(START) + SPANS.day
    const answer = await sendRevocation(org.rpc, await signRevocation(user, org.clock.at, 'compromised'))
    expect(answer.serials).toEqual([])
    expect(await listEntries(org)).toEqual([])
    const { revocations } = await evaluated(user, await certificateAt(org, ALICE))
    expect(revocations.map(({ kind }) => kind)).toEqual(['certification', 'key'])
    await expect(sendRenewal(org.rpc, await signRenewal(user, org.clock.at))).rejects.toMatchObject({
      code: 'certificate-revoked',
      message: `the certificate with serial number ${user.reply.serial} is revoked`,
    })
  })

  it('ends nobody else', async () => {
    const { org, user: alice } = await enrolled()
    const { user: bob } = await enrolled('bob@example.org', org)
    const signed = await signRevocation(bob, START, 'compromised', { serial: alice.reply.serial })
    const untrusted = { code: 'untrusted', message: 'the request is not signed by the key of its certificate' }
    await expect(sendRevocation(org.rpc, signed)).rejects.toMatchObject(untrusted)
    const key = await makeUserKey(alice.offer.userId, START)
    await expect(sendRevocation(org.rpc, await signRevocation({ ...alice, key }, START, 'left'))).rejects.toMatchObject(
      untrusted,
    )
    expect(await statusOf(org)).toMatchObject([['Active', { serial: alice.reply.serial }]])
    // Anybody can send that: it is nobody's, and the journal does not tell of it.
    expect(await journaled(org)).toEqual([])
  })

  it('is refused if that is not of now: whoever saw it once cannot use it later', async () => {
    const { org, user } = await enrolled()
    const late = {
      code: 'clock-wrong',
      message: 'the request is not of now: the clocks of computer and KM server differ',
    }
    for (const at of [START - 601, START + 601]) {
      await expect(sendRevocation(org.rpc, await signRevocation(user, at, 'left'))).rejects.toMatchObject(late)
    }
    expect(await statusOf(org)).toMatchObject([['Active', {}]])
    expect(await journaled(org)).toEqual([])
  })

  it('is refused again once it is revoked, which the journal tells', async () => {
    const { org, user } = await enrolled()
    await sendRevocation(org.rpc, await signRevocation(user, START, 'left'))
    const revoked = {
      code: 'certificate-revoked',
      message: `the certificate with serial number ${user.reply.serial} is revoked`,
      hint: 'ask your administrator to enable your mailbox again',
    }
    await expect(sendRevocation(org.rpc, await signRevocation(user, START, 'left'))).rejects.toMatchObject(revoked)
    await expect(sendReport(org.rpc, await signReport(user))).rejects.toMatchObject(revoked)
    expect((await journaled(org)).map(([subject, result]) => [subject, result])).toEqual([
      [ALICE, 'done'],
      [ALICE, 'certificate-revoked'],
    ])
  })
})

describe('a signature by the right key that is not for this request', () => {
  it('is refused, be it that of a letter, of another purpose or of another organization', async () => {
    const { org, user } = await enrolled()
    const { request } = await signRevocation(user, START, 'left')
    const primary = await readPrimarySecret(user.key.secretKey)
    const bytes = new Uint8Array([...new TextEncoder().encode('mailseal/1 signed request\n'), ...request])
    const letter = await unarmor(await signMessage(primary, bytes, START))
    const letterSignature = new Uint8Array(await new Response(letter.data as ReadableStream).arrayBuffer())
    const options = { bytes, at: START, domain: notationDomain(user.authority) }
    const signatures = [
      letterSignature,
      await signForPurpose(primary, { ...options, purpose: 'request-report' }),
      await signForPurpose(primary, { ...options, purpose: 'request-renew' }),
      await signForPurpose(primary, { ...options, purpose: 'request-revoke', domain: 'example.com' }),
    ]
    const send = (signature: Uint8Array) => sendRevocation(org.rpc, { request, signature })
    for (const signature of signatures) {
      await expect(send(signature)).rejects.toMatchObject({
        code: 'untrusted',
        message: 'the request is not signed by the key of its certificate',
      })
    }
    expect(await statusOf(org)).toMatchObject([['Active', {}]])
    await send(await signForPurpose(primary, { ...options, purpose: 'request-revoke' }))
    expect(await statusOf(org)).toMatchObject([['Disabled', null]])
  })

  it('has no purpose but those that there are', async () => {
    const { org, user } = await enrolled()
    const { request, signature } = await signRevocation(user, START, 'left')
    const changed = new TextDecoder().decode(request).replace('"purpose":"revoke"', '"purpose":"enroll"')
    const body = { request: toBase64url(new TextEncoder().encode(changed)), signature: toBase64url(signature) }
    await expect(org.rpc.post(PATHS.requests, body, renewAnswerSchema)).rejects.toMatchObject({
      code: 'bad-data',
      message: expect.stringContaining('purpose'),
    })
  })
})
