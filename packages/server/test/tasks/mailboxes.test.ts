import { deriveTemporaryKeySecrets, parseTemporaryKey, toHex } from '@mailseal/common'
import { parseCrl } from '@mailseal/common/crl'
import { openHistory } from '@mailseal/common/history'
import { type IssuedKey, PATHS } from '@mailseal/common/rpc'
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
  soleResult,
  type User,
} from '../organization.ts'

const ALICE = 'alice@example.org'
const ANNA = 'anna@example.net'
const addresses = [ALICE]

async function active(org: Organization): Promise<User> {
  return enroll(org.rpc, await org.enabled(ALICE), org.clock.at)
}

const all = async (org: Organization) => (await org.task('mailboxes.list', {})).mailboxes
const change = (org: Organization, changes: { name?: string; newAddress?: string }, address = ALICE) =>
  org.task('mailboxes.change', { address, ...changes })
const remove = async (org: Organization) => soleResult(await org.task('mailboxes.remove', { addresses }))

async function listEntries(org: Organization) {
  const list = await org.rpc.getBytes(PATHS.crl, 10_000)
  return [...parseCrl(list?.bytes ?? new Uint8Array()).entries]
}

function recovered(issued: IssuedKey, { reply }: User) {
  const { historyKey } = deriveTemporaryKeySecrets(parseTemporaryKey(issued.temporaryKey))
  return openHistory(historyKey, reply.recovered).map((piece) => piece && toHex(piece))
}

describe('a new name', () => {
  it('leaves certificate and temporary key as they are, and stands in what comes after them', async () => {
    const org = await organization()
    const user = await active(org)
    const changed = await change(org, { name: ' Alice B. ' })
    expect(changed).toMatchObject({
      mailbox: { address: ALICE, name: 'Alice B.', status: 'Active', certificate: { serial: user.reply.serial } },
      serials: [],
    })
    const issued = issuedOf(await org.task('recover', { addresses }))
    expect(issued.name).toBe('Alice B.')
    await change(org, { name: 'Alice C.' })
    const second = await enroll(org.rpc, issued)
    expect(second.offer.userId).toBe(`Alice B. <${ALICE}>`)
    expect(await all(org)).toMatchObject([{ name: 'Alice C.', status: 'Active', archivedKeys: 2 }])
    const { entries } = await org.task('journal', {})
    expect(entries.filter(({ task }) => task === 'mailboxes.change')).toMatchObject([
      { subject: ALICE, result: 'done', administrators: ['admin'] },
      { subject: ALICE, result: 'done' },
    ])
  })
})

describe('a new address', () => {
  it('ends the certificate as replaced, and enabling gives one for the new address with the history', async () => {
    const org = await organization()
    const user = await active(org)
    org.clock.at += 60
    const { serial } = user.reply
    const changed = await change(org, { newAddress: 'anna@EXAMPLE.net', name: 'Anna' })
    expect(changed).toMatchObject({
      mailbox: { id: user.offer.mailbox, address: ANNA, name: 'Anna', status: 'Disabled', certificate: null },
      serials: [serial],
    })
    // It answers when the list is out.
    expect(await listEntries(org)).toMatchObject([{ serial, reason: 'replaced', revokedAt: START + 60 }])
    expect(await all(org)).toHaveLength(1)

    const issued = issuedOf(await org.task('enable', { addresses: [ANNA] }))
    expect(issued).toMatchObject({ status: 'Key recovery in progress', history: { keys: 1, damaged: [] } })
    const second = await enroll(org.rpc, issued, org.clock.at)
    expect(second.offer.userId).toBe(`Anna <${ANNA}>`)
    expect(recovered(issued, second)).toEqual([toHex(user.key.secretSubkey)])
    expect(await listEntries(org)).toHaveLength(1)
    // The old address is free.
    await enroll(org.rpc, await org.enabled(ALICE), org.clock.at)
    expect(await all(org)).toMatchObject([
      { address: ALICE, archivedKeys: 1 },
      { address: ANNA, archivedKeys: 2 },
    ])
  })

  it.each([
    ['Undefined', 'Undefined'],
    ['New', 'Undefined'],
    ['Key recovery in progress', 'Disabled'],
    ['Disabled', 'Disabled'],
  ])('of a mailbox that is %s makes it %s, and its temporary key void', async (before, after) => {
    const org = await organization()
    let issued: IssuedKey | null = null
    if (before === 'Undefined') await org.task('mailboxes.add', { address: ALICE, name: '' })
    else issued = await org.enabled(ALICE)
    if (issued !== null && before !== 'New') {
      await enroll(org.rpc, issued)
      issued = null
    }
    if (before === 'Key recovery in progress') issued = issuedOf(await org.task('recover', { addresses }))
    if (before === 'Disabled') await org.task('revoke', { addresses, reason: 'compromised' })
    expect(await all(org)).toMatchObject([{ status: before }])

    const { mailbox, serials } = await change(org, { newAddress: ANNA })
    expect(mailbox).toMatchObject({ address: ANNA, status: after, temporaryKey: null, certificate: null })
    expect(serials).toHaveLength(before === 'Key recovery in progress' ? 1 : 0)
    if (before === 'Disabled') expect(await listEntries(org)).toMatchObject([{ reason: 'compromised' }])
    if (issued === null) return
    const { request } = await prepareEnrollment(issued)
    await expect(sendEnrollment(org.rpc, request)).rejects.toMatchObject({
      code: 'temporary-key-canceled',
      hint: `ask your administrator for a new one ("mailseal-admin enable ${ANNA}")`,
    })
  })

  it('is refused where it can not be, and changes nothing', async () => {
    const org = await organization()
    const user = await active(org)
    await org.task('mailboxes.add', { address: ANNA, name: '' })
    await expect(change(org, { newAddress: ANNA })).rejects.toMatchObject({
      code: 'already-exists',
      message: `${ANNA} is there already; its status is Undefined`,
    })
    await expect(change(org, { newAddress: 'alice@example.com' })).rejects.toMatchObject({
      code: 'refused-by-policy',
      message: 'example.com is not a domain of this organization',
    })
    await expect(change(org, { newAddress: 'Alice' })).rejects.toMatchObject({
      code: 'bad-data',
      message: 'this is not an e-mail address',
    })
    await expect(change(org, {})).rejects.toMatchObject({
      code: 'usage',
      message: 'neither a new name nor a new address was given',
      hint: `give one: mailseal-admin mailboxes change ${ALICE} --name NAME`,
    })
    await expect(change(org, { name: 'A' }, 'x@example.org')).rejects.toMatchObject({
      code: 'not-found',
      message: 'x@example.org is no mailbox of this KM server',
    })
    expect(await change(org, { newAddress: ALICE })).toMatchObject({ mailbox: { status: 'Active' }, serials: [] })
    expect(await all(org)).toMatchObject([{ address: ALICE, certificate: { serial: user.reply.serial } }, {}])
    expect(await listEntries(org)).toEqual([])
    expect(org.logged).toEqual([])
  })
})

describe('a mailbox that is removed', () => {
  it('has its certificates on the list as left, and is gone with all that its user could do', async () => {
    const org = await organization()
    const user = await active(org)
    const { serial } = user.reply
    org.clock.at += 60
    const removed = await remove(org)
    expect(removed).toEqual({ address: ALICE, serials: [serial], crlNumber: START + 60 })
    expect(await listEntries(org)).toMatchObject([{ serial, reason: 'left', revokedAt: START + 60 }])
    expect(await all(org)).toEqual([])
    await expect(sendReport(org.rpc, await signReport(user, { time: org.clock.at }))).rejects.toMatchObject({
      code: 'certificate-revoked',
    })
    const headers = { authorization: `Bearer ${user.reply.directoryToken}` }
    const directory = await fetch(org.url + PATHS.directory, { headers })
    expect(directory.status).toBe(403)
    await expect(remove(org)).rejects.toMatchObject({
      code: 'not-found',
      message: `${ALICE} is no mailbox of this KM server`,
    })
    const { entries } = await org.task('journal', {})
    expect(entries.slice(-2)).toMatchObject([
      { task: 'mailboxes.remove', subject: ALICE, result: 'done' },
      { task: 'mailboxes.remove', subject: ALICE, result: 'not-found' },
    ])
  })

  it('leaves nothing to a later one of the same address: no history, no key, no certificate', async () => {
    const org = await organization()
    const before = await active(org)
    await remove(org)
    const { mailbox } = await org.task('mailboxes.add', { address: ALICE, name: 'Alice' })
    expect(mailbox).toMatchObject({ status: 'Undefined', archivedKeys: 0 })
    expect(mailbox.id).not.toBe(before.offer.mailbox)
    const issued = issuedOf(await org.task('enable', { addresses }))
    expect(issued).toMatchObject({ status: 'New', history: null })
    const { key } = before
    const stolen = await prepareEnrollment(issued, { key })
    await expect(sendEnrollment(org.rpc, stolen.request)).rejects.toMatchObject({
      code: 'already-exists',
      message: 'the key of this certificate was enrolled before',
    })
    const first = await enroll(org.rpc, issued)
    expect(first.reply.recovered).toEqual([])
    const again = issuedOf(await org.task('recover', { addresses }))
    expect(again.history).toEqual({ keys: 1, damaged: [] })
    expect(recovered(again, await enroll(org.rpc, again))).toEqual([toHex(first.key.secretSubkey)])
  })

  it.each(['Undefined', 'New', 'Key recovery in progress', 'Disabled'])('may be %s', async (status) => {
    const org = await organization()
    let issued: IssuedKey | null = null
    if (status === 'Undefined') await org.task('mailboxes.add', { address: ALICE, name: '' })
    else issued = await org.enabled(ALICE)
    const isEnrolled = status === 'Key recovery in progress' || status === 'Disabled'
    if (issued !== null && isEnrolled) await enroll(org.rpc, issued)
    if (status === 'Key recovery in progress') issued = issuedOf(await org.task('recover', { addresses }))
    if (status === 'Disabled') await org.task('revoke', { addresses, reason: 'compromised' })
    const removed = await remove(org)
    expect(removed.serials).toHaveLength(status === 'Key recovery in progress' ? 1 : 0)
    if (status === 'Disabled') expect(await listEntries(org)).toMatchObject([{ reason: 'compromised' }])
    if (issued === null || status === 'Disabled') return
    const { request } = await prepareEnrollment(issued)
    await expect(sendEnrollment(org.rpc, request)).rejects.toMatchObject({
      code: 'temporary-key-canceled',
      message: 'the temporary key ended when its mailbox was revoked on 2026-09-21',
      hint: 'ask your administrator: the mailbox was removed',
    })
  })

  it('has its other serial numbers of earlier keys on the list as left too', async () => {
    const org = await organization()
    const first = await active(org)
    org.clock.at += 60
    const second = await enroll(org.rpc, issuedOf(await org.task('recover', { addresses })), org.clock.at)
    org.clock.at += 60
    const serials = [first.reply.serial, second.reply.serial].sort()
    expect((await remove(org)).serials).toEqual(serials)
    const times = new Map(
      (await listEntries(org)).map(({ serial, revokedAt, reason }) => [serial, [revokedAt, reason]]),
    )
    expect(times.get(first.reply.serial)).toEqual([START + 60, 'left'])
    expect(times.get(second.reply.serial)).toEqual([START + 120, 'left'])
  })
})

describe('a repeated request', () => {
  it('changes and removes once, and has the same answer when the mailbox is gone', async () => {
    const org = await organization()
    await active(org)
    const [changing, removing] = [newId(), newId()]
    const move = () => org.task('mailboxes.change', { address: ALICE, newAddress: ANNA }, { requestId: changing })
    const moved = await move()
    expect(await move()).toEqual(moved)
    const away = async () =>
      soleResult(await org.task('mailboxes.remove', { addresses: [ANNA] }, { requestId: removing }))
    const { serials } = await away()
    expect((await away()).serials).toEqual(serials)
    const { entries } = await org.task('journal', {})
    expect(entries.slice(-2).map(({ task, result }) => [task, result])).toEqual([
      ['mailboxes.change', 'done'],
      ['mailboxes.remove', 'done'],
    ])
  })
})
