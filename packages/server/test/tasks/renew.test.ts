import { addMonths, SPANS, toHex } from '@mailseal/common'
import { parseCertificate, validToOf } from '@mailseal/common/certificate'
import { dayOf } from '@mailseal/common/crl'
import { describe, expect, it, vi } from 'vitest'
import { enroll, issuedOf, type Organization, organization, START, sendReport, signReport } from '../organization.ts'
import { certificateAt, evaluated, listEntries } from '../published.ts'
import { sendRenewal, sendRevocation, signRenewal, signRevocation } from '../user-requests.ts'

const ALICE = 'alice@example.org'
const addresses = [ALICE]
const FROM = addMonths(START, 12)
const END = validToOf(START)

async function enrolled() {
  const org = await organization()
  const user = await enroll(org.rpc, await org.enabled(ALICE))
  const renew = async (changes?: Parameters<typeof signRenewal>[2]) =>
    sendRenewal(org.rpc, await signRenewal(user, org.clock.at, changes))
  return { org, user, renew }
}

const view = async (org: Organization) => (await org.task('mailboxes.list', { addresses })).mailboxes[0]

/** The users' own entries, oldest first. */
async function journaled(org: Organization) {
  const { entries } = await org.task('journal', {})
  return entries
    .filter(({ task }) => task === 'renew')
    .map(({ subject, administrators, result }) => [subject, administrators, result])
}

describe('a renewal', () => {
  it('gives the same key 18 months more under a new serial number, and leaves the old one as it was', async () => {
    const { org, user, renew } = await enrolled()
    org.clock.at = FROM + 3600
    const { serial, certificate } = await renew()
    expect(serial).not.toBe(user.reply.serial)
    const { fingerprint, certifications, revocations } = await evaluated(user, certificate)
    expect(fingerprint).toBe(user.key.fingerprint)
    expect(revocations).toEqual([])
    expect(certifications.map((one) => [one.serial, one.validFrom, one.validTo])).toEqual([
      [user.reply.serial, START, END],
      [serial, org.clock.at, validToOf(org.clock.at)],
    ])
    expect(toHex(await certificateAt(org, ALICE))).toBe(toHex(certificate))
    expect(toHex(await certificateAt(org, user.key.fingerprint))).toBe(toHex(certificate))
    expect(await view(org)).toMatchObject({
      status: 'Active',
      certificate: {
        serial,
        validFrom: org.clock.at,
        validTo: validToOf(org.clock.at),
        renewFrom: addMonths(org.clock.at, 12),
      },
    })
    expect(await journaled(org)).toEqual([[ALICE, [], 'done']])
    expect(await listEntries(org)).toEqual([])
  })

  it.each([
    ['an hour too early', FROM - 3600],
    ['a second too early', FROM - 1],
  ])('is refused %s, saying from when', async (_, at) => {
    const { org, user, renew } = await enrolled()
    org.clock.at = at
    await expect(renew()).rejects.toMatchObject({
      code: 'task-not-allowed',
      message: 'the certificate of alice@example.org can be renewed from 2027-09-21 14:13 UTC on',
      hint: 'it is valid until 2028-03-21: nothing has to be done yet',
    })
    expect(await journaled(org)).toEqual([[ALICE, [], 'task-not-allowed']])
    expect(toHex(await certificateAt(org, ALICE))).toBe(toHex(user.reply.certificate))
  })

  it.each([
    ['from the first second on', FROM],
    ['in the grace', END + SPANS.day],
    ['in the last second of the grace', END + 60 * SPANS.day],
  ])('is done %s', async (_, at) => {
    const { org, renew } = await enrolled()
    org.clock.at = at
    const { serial } = await renew()
    expect(await view(org)).toMatchObject({ certificate: { serial, validTo: validToOf(at), expired: false } })
  })

  it('is refused after the grace, saying who helps', async () => {
    const { org, renew } = await enrolled()
    org.clock.at = END + 60 * SPANS.day + 1
    await expect(renew()).rejects.toMatchObject({
      code: 'certificate-expired',
      message: 'the certificate of alice@example.org expired on 2028-03-21, too long ago to be renewed',
      hint: 'ask your administrator for a key recovery ("mailseal-admin recover alice@example.org")',
    })
  })

  it('is one for one request, however often and at whatever time it is repeated', async () => {
    const { org, user } = await enrolled()
    org.clock.at = FROM
    const signed = await signRenewal(user, FROM)
    const answers = await Promise.all(Array.from({ length: 5 }, () => sendRenewal(org.rpc, signed)))
    org.clock.at += 900
    answers.push(await sendRenewal(org.rpc, signed))
    await org.task('revoke', { addresses, reason: 'left' })
    answers.push(await sendRenewal(org.rpc, signed))
    expect(new Set(answers.map(({ serial }) => serial)).size).toBe(1)
    expect(new Set(answers.map(({ certificate }) => toHex(certificate))).size).toBe(1)
    expect(await journaled(org)).toHaveLength(1)
    const other = await signRenewal(user, org.clock.at, { id: JSON.parse(new TextDecoder().decode(signed.request)).id })
    await expect(sendRenewal(org.rpc, other)).rejects.toMatchObject({
      code: 'already-exists',
      message: 'the request id was used for another request',
    })
  })

  it('is the same for two computers, and for one that lost the answer', async () => {
    const { org, user, renew } = await enrolled()
    const second = await org.another()
    org.clock.at = FROM
    const [a, b] = await Promise.all([
      renew(),
      signRenewal(user, org.clock.at).then((signed) => sendRenewal(second, signed)),
    ])
    expect([b.serial, toHex(b.certificate)]).toEqual([a.serial, toHex(a.certificate)])
    org.clock.at += 30 * SPANS.day
    const c = await renew()
    expect([c.serial, toHex(c.certificate)]).toEqual([a.serial, toHex(a.certificate)])
    expect(await journaled(org)).toHaveLength(1)
    // The newest serial number is asked for another one in its own time only.
    await expect(renew({ serial: a.serial })).rejects.toMatchObject({ code: 'task-not-allowed' })
    org.clock.at = addMonths(FROM, 12)
    expect((await renew({ serial: a.serial })).serial).not.toBe(a.serial)
  })

  it('has both serial numbers on the list when its key is revoked', async () => {
    const { org, user, renew } = await enrolled()
    org.clock.at = FROM
    const { serial } = await renew()
    await org.task('revoke', { addresses, reason: 'left' })
    const days = new Map([
      [user.reply.serial, dayOf(END)],
      [serial, dayOf(validToOf(FROM))],
    ])
    const entries = await listEntries(org)
    expect(new Map(entries.map((entry) => [entry.serial, entry.expiryDay]))).toEqual(days)
    await expect(renew()).rejects.toMatchObject({
      code: 'certificate-revoked',
      message: `the certificate with serial number ${user.reply.serial} is revoked`,
    })
    await expect(renew({ serial })).rejects.toMatchObject({ code: 'certificate-revoked' })
    expect((await journaled(org)).map(([, , result]) => result)).toEqual([
      'done',
      'certificate-revoked',
      'certificate-revoked',
    ])
  })

  it('at the same time as a revocation is done before it or not at all: every serial number is on the list', async () => {
    const org = await organization()
    const second = await org.another()
    for (let round = 0; round < 3; round++) {
      org.clock.at = round === 0 ? START : addMonths(org.clock.at, 1)
      const begun = org.clock.at
      const address = `user${round}@example.org`
      const user = await enroll(org.rpc, await org.enabled(address), begun)
      org.clock.at = addMonths(begun, 12)
      const renewal = await signRenewal(user, org.clock.at)
      const revocation = await signRevocation(user, org.clock.at, 'left')
      const [renewed, revoked] = await Promise.allSettled([
        sendRenewal(round % 2 === 0 ? org.rpc : second, renewal),
        sendRevocation(org.rpc, revocation),
      ])
      if (revoked.status === 'rejected') throw revoked.reason
      const serials = [user.reply.serial]
      if (renewed.status === 'fulfilled') serials.push(renewed.value.serial)
      else expect(renewed.reason).toMatchObject({ code: 'certificate-revoked' })
      expect([...revoked.value.serials].sort()).toEqual(serials.sort())
      const { certifications, revocations } = await evaluated(user, await certificateAt(org, address))
      expect(certifications.map(({ serial }) => serial).sort()).toEqual(serials)
      expect(revocations).toMatchObject([{ reason: 'left' }])
      org.clock.at = begun
    }
  })

  it('leaves one serial number to revoke after the first expired', async () => {
    const { org, user, renew } = await enrolled()
    org.clock.at = FROM
    const { serial } = await renew()
    org.clock.at = END
    const { results } = await org.task('revoke', { addresses, reason: 'left' })
    expect(results).toMatchObject([{ status: 'Disabled', serials: [serial] }])
    const { revocations } = await evaluated(user, await certificateAt(org, ALICE))
    expect(revocations).toEqual([{ kind: 'certification', at: END, reason: 'left' }])
  })

  it('is open during a key recovery to the key that may still be there, until another one takes its place', async () => {
    const { org, user, renew } = await enrolled()
    org.clock.at = FROM
    const issued = issuedOf(await org.task('recover', { addresses }))
    const { serial } = await renew()
    expect(await view(org)).toMatchObject({ status: 'Key recovery in progress', certificate: { serial } })
    org.clock.at += 60
    const anew = await enroll(org.rpc, issued, org.clock.at)
    await vi.waitFor(async () => {
      const entries = await listEntries(org)
      expect(entries.map((entry) => `${entry.serial} ${entry.reason}`).sort()).toEqual(
        [`${serial} replaced`, `${user.reply.serial} replaced`].sort(),
      )
    })
    for (const old of [serial, user.reply.serial]) {
      const replaced = {
        code: 'certificate-revoked',
        message: `the certificate with serial number ${old} was replaced by one of another key`,
        hint: 'use the key file of the newest enrollment; if that was not yours, tell your administrator at once',
      }
      await expect(renew({ serial: old })).rejects.toMatchObject(replaced)
      const revocation = await signRevocation(user, org.clock.at, 'compromised', { serial: old })
      await expect(sendRevocation(org.rpc, revocation)).rejects.toMatchObject(replaced)
      await expect(
        sendReport(org.rpc, await signReport(user, { time: org.clock.at, serial: old })),
      ).rejects.toMatchObject(replaced)
    }
    expect(await view(org)).toMatchObject({ status: 'Active', certificate: { serial: anew.reply.serial } })
  })

  it('has only what a renewal has, and of its own time', async () => {
    const { org, user, renew } = await enrolled()
    org.clock.at = FROM
    await expect(renew({ validFrom: FROM - 1 })).rejects.toMatchObject({
      code: 'bad-data',
      message: 'the certificate is not as it has to be: its self-signature says something else than it has to',
    })
    const sendAt = async (at: number) => sendRenewal(org.rpc, await signRenewal(user, at))
    await expect(sendAt(FROM + 301)).rejects.toMatchObject({
      code: 'clock-wrong',
      message: 'the renewed certificate would begin in the future',
    })
    const late = {
      code: 'clock-wrong',
      message: 'the request is not of now: the clocks of computer and KM server differ',
    }
    for (const at of [FROM + 601, FROM - 601]) await expect(sendAt(at)).rejects.toMatchObject(late)
    expect(await journaled(org)).toEqual([[ALICE, [], 'bad-data']])
    const { serial, certificate } = await sendAt(FROM - 600)
    const parsed = await parseCertificate(certificate)
    expect(parsed.userIdSignatures).toHaveLength(4)
    expect(await view(org)).toMatchObject({ certificate: { serial, validFrom: FROM - 600 } })
  })

  it('is of its own mailbox alone', async () => {
    const { org, user } = await enrolled()
    const bob = await enroll(org.rpc, await org.enabled('bob@example.org'))
    org.clock.at = FROM
    const untrusted = { code: 'untrusted', message: 'the request is not signed by the key of its certificate' }
    const { serial } = bob.reply
    await expect(sendRenewal(org.rpc, await signRenewal(user, FROM, { serial }))).rejects.toMatchObject(untrusted)
    // Bob's key over Alice's signatures, under Bob's serial number.
    const mixed = await signRenewal({ ...bob, reply: { ...user.reply, serial } }, FROM)
    await expect(sendRenewal(org.rpc, mixed)).rejects.toMatchObject({ code: 'bad-data' })
    const { entries } = await org.task('journal', {})
    expect(entries.filter(({ task }) => task === 'renew').map(({ subject, result }) => [subject, result])).toEqual([
      ['bob@example.org', 'bad-data'],
    ])
  })
})
