import { SPANS, utf8 } from '@mailseal/common'
import { makeUserKey, validToOf } from '@mailseal/common/certificate'
import { describe, expect, it } from 'vitest'
import { enroll, issuedOf, newId, organization, START, sendReport, signReport } from '../organization.ts'

describe('a report', () => {
  it('is remembered: the same again has the same answer, another under its id is refused', async () => {
    const org = await organization()
    const user = await enroll(org.rpc, await org.enabled('alice@example.org'))
    const id = newId()
    const report = await signReport(user, { id })
    const answer = await sendReport(org.rpc, report)
    org.clock.at += 900
    expect(await sendReport(org.rpc, report)).toEqual(answer)
    const other = await signReport(user, { id, time: org.clock.at, body: { crlNumber: 8, agent: 'test/1' } })
    await expect(sendReport(org.rpc, other)).rejects.toMatchObject({
      code: 'already-exists',
      message: 'the request id was used for another request',
    })
    const { mailboxes } = await org.task('mailboxes.list', {})
    expect(mailboxes[0]?.lastReport).toEqual({ time: org.clock.at - 900, crlNumber: 7, version: 'test/1' })
  })

  it('is refused if it is not of now, of this organization or of this key', async () => {
    const org = await organization()
    const alice = await enroll(org.rpc, await org.enabled('alice@example.org'))
    const bob = await enroll(org.rpc, await org.enabled('bob@example.org'))
    const refused = async (changes: object, user = alice) => sendReport(org.rpc, await signReport(user, changes))
    const late = {
      code: 'clock-wrong',
      message: 'the request is not of now: the clocks of computer and KM server differ',
    }
    await expect(refused({ time: org.clock.at - 601 })).rejects.toMatchObject(late)
    await expect(refused({ time: org.clock.at + 601 })).rejects.toMatchObject(late)
    await expect(refused({ root: '0'.repeat(64) })).rejects.toMatchObject({
      code: 'untrusted',
      message: 'the request is meant for another organization',
    })
    await expect(refused({ serial: '00000000000000ff' })).rejects.toMatchObject({
      code: 'untrusted',
      message: 'the request names a serial number that this KM server never gave',
    })
    const strangers = { code: 'untrusted', message: 'the request is not signed by the key of its certificate' }
    await expect(refused({ serial: bob.reply.serial })).rejects.toMatchObject(strangers)
    const key = await makeUserKey(alice.offer.userId, org.clock.at)
    await expect(refused({}, { ...alice, key })).rejects.toMatchObject(strangers)
    const { request, signature } = await signReport(alice)
    const changed = utf8(new TextDecoder().decode(request).replace('"crlNumber":7', '"crlNumber":9'))
    await expect(sendReport(org.rpc, { request: changed, signature })).rejects.toMatchObject(strangers)
    const { mailboxes } = await org.task('mailboxes.list', {})
    expect(mailboxes.map(({ lastReport }) => lastReport)).toEqual([null, null])
  })

  it('is taken of an expired certificate, as long as no other key took its place', async () => {
    const org = await organization()
    const addresses = ['alice@example.org']
    const user = await enroll(org.rpc, await org.enabled('alice@example.org'))
    org.clock.at = validToOf(START) + SPANS.day
    const report = async () => sendReport(org.rpc, await signReport(user, { time: org.clock.at }))
    await report()
    const lastReport = async () => (await org.task('mailboxes.list', { addresses })).mailboxes[0]?.lastReport
    const reported = await lastReport()
    expect(reported).toMatchObject({ time: org.clock.at })
    await enroll(org.rpc, issuedOf(await org.task('recover', { addresses })), org.clock.at)
    org.clock.at += 60
    await expect(report()).rejects.toMatchObject({
      code: 'certificate-revoked',
      message: `the certificate with serial number ${user.reply.serial} was replaced by one of another key`,
    })
    expect(await lastReport()).toEqual(reported)
    const { entries } = await org.task('journal', {})
    expect(entries.map(({ task }) => task)).not.toContain('report')
  })
})
