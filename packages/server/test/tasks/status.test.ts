import type { Status } from '@mailseal/common/rpc'
import { describe, expect, it } from 'vitest'
import { enroll, type Organization, organization, soleResult } from '../organization.ts'

const ALICE = 'alice@example.org'
type StatusTask = 'enable' | 'recover' | 'reissue' | 'cancel' | 'revoke'

const RECOVERY = 'Key recovery in progress'
const NO_KEY = refusal('ALICE has no temporary key', 'give it one: mailseal-admin enable ALICE')
const IN_RECOVERY = refusal(
  'a key recovery of ALICE is in progress: it has a temporary key already',
  'for another key: mailseal-admin reissue ALICE',
)

/** DESIGN.md, section 5: the new status, or what the refusal says. */
const EXPECTED: [Status, StatusTask, Status | { message: string; hint: string }][] = [
  ['Undefined', 'enable', 'New'],
  [
    'Undefined',
    'recover',
    refusal(
      'ALICE is Undefined: it was never enrolled, so that there is no key to recover',
      'for its first temporary key: mailseal-admin enable ALICE',
    ),
  ],
  ['Undefined', 'reissue', NO_KEY],
  ['Undefined', 'cancel', NO_KEY],
  [
    'Undefined',
    'revoke',
    refusal(
      'ALICE is Undefined: it has neither a certificate nor a temporary key',
      'to give it a temporary key: mailseal-admin enable ALICE',
    ),
  ],
  [
    'New',
    'enable',
    refusal('ALICE is New: it has a temporary key already', 'for another key: mailseal-admin reissue ALICE'),
  ],
  [
    'New',
    'recover',
    refusal(
      'ALICE is New: it was never enrolled, so that there is no key to recover',
      'for another temporary key: mailseal-admin reissue ALICE',
    ),
  ],
  ['New', 'reissue', 'New'],
  ['New', 'cancel', 'Undefined'],
  ['New', 'revoke', 'Undefined'],
  [
    'Active',
    'enable',
    refusal(
      'ALICE is Active: it is enrolled already',
      'if its key is lost: mailseal-admin recover ALICE; to end its certificate: mailseal-admin revoke ALICE',
    ),
  ],
  ['Active', 'recover', RECOVERY],
  [
    'Active',
    'reissue',
    refusal(
      'ALICE is Active: it is enrolled and needs no temporary key',
      'if its key is lost: mailseal-admin recover ALICE',
    ),
  ],
  [
    'Active',
    'cancel',
    refusal(
      'ALICE is Active: its temporary key was used and cannot be canceled',
      'to end its certificate: mailseal-admin revoke ALICE',
    ),
  ],
  ['Active', 'revoke', 'Disabled'],
  [RECOVERY, 'enable', IN_RECOVERY],
  [RECOVERY, 'recover', IN_RECOVERY],
  [RECOVERY, 'reissue', RECOVERY],
  [RECOVERY, 'cancel', 'Active'],
  [RECOVERY, 'revoke', 'Disabled'],
  ['Disabled', 'enable', RECOVERY],
  ['Disabled', 'recover', RECOVERY],
  [
    'Disabled',
    'reissue',
    refusal(
      'ALICE is Disabled and has no temporary key',
      'give it one, which returns its key history: mailseal-admin enable ALICE',
    ),
  ],
  [
    'Disabled',
    'cancel',
    refusal('ALICE is Disabled and has no temporary key', 'see its state: mailseal-admin status ALICE'),
  ],
  [
    'Disabled',
    'revoke',
    refusal(
      'ALICE is Disabled: its certificate is revoked already',
      'see the list that tells everybody: mailseal-admin crl show',
    ),
  ],
]

function refusal(message: string, hint: string) {
  const about = (text: string) => text.replaceAll('ALICE', ALICE)
  return { message: about(message), hint: about(hint) }
}

async function bring(org: Organization, status: Status): Promise<void> {
  await org.task('mailboxes.add', { address: ALICE, name: '' })
  if (status === 'Undefined') return
  const issued = soleResult(await org.task('enable', { addresses: [ALICE] }))
  if (status === 'New') return
  await enroll(org.rpc, issued)
  if (status === 'Active') return
  if (status === RECOVERY) await org.task('recover', { addresses: [ALICE] })
  else await org.task('revoke', { addresses: [ALICE], reason: 'left' })
}

async function ask(org: Organization, task: StatusTask) {
  const addresses = [ALICE]
  if (task === 'revoke') return soleResult(await org.task('revoke', { addresses, reason: 'unspecified' }))
  if (task === 'cancel') return soleResult(await org.task('cancel', { addresses }))
  return soleResult(await org.task(task, { addresses }))
}

const statusNow = async (org: Organization) => (await org.task('mailboxes.list', {})).mailboxes[0]?.status

describe('the status of a mailbox', () => {
  it.each(EXPECTED)('%s, %s', async (status, task, expected) => {
    const org = await organization()
    await bring(org, status)
    expect(await statusNow(org)).toBe(status)
    if (typeof expected === 'string') {
      expect(await ask(org, task)).toMatchObject({ address: ALICE, status: expected })
      expect(await statusNow(org)).toBe(expected)
      return
    }
    await expect(ask(org, task)).rejects.toMatchObject({ code: 'task-not-allowed', ...expected })
    expect(await statusNow(org)).toBe(status)
    const { entries } = await org.task('journal', {})
    expect(entries.at(-1)).toMatchObject({
      task,
      subject: ALICE,
      result: 'task-not-allowed',
      administrators: ['admin'],
    })
  })

  it('is after a canceled recovery what it was before', async () => {
    const org = await organization()
    await bring(org, 'Disabled')
    await ask(org, 'enable')
    expect(await ask(org, 'cancel')).toEqual({ address: ALICE, status: 'Disabled' })
    expect(await statusNow(org)).toBe('Disabled')
  })

  it('is New after an expiry too, and reissue gives a key that works', async () => {
    const org = await organization()
    await org.enabled(ALICE)
    org.clock.at += 15 * 86400
    await org.restart()
    const { mailboxes } = await org.task('mailboxes.list', {})
    expect(mailboxes).toMatchObject([{ status: 'New', temporaryKey: { expired: true } }])
    const issued = soleResult(await org.task('reissue', { addresses: [ALICE] }))
    await enroll(org.rpc, issued, org.clock.at)
    expect(await statusNow(org)).toBe('Active')
  })
})

describe('a task for several addresses', () => {
  it('does or refuses each by itself', async () => {
    const org = await organization()
    await org.task('mailboxes.add', { address: ALICE, name: '' })
    const addresses = [ALICE, 'nobody@example.org', 'no address', ALICE]
    const { results } = await org.task('enable', { addresses })
    expect(results).toMatchObject([
      { address: ALICE, status: 'New' },
      {
        address: 'nobody@example.org',
        error: {
          code: 'not-found',
          message: 'nobody@example.org is no mailbox of this KM server',
          hint: 'add it first: mailseal-admin mailboxes add nobody@example.org',
        },
      },
      { address: 'no address', error: { code: 'bad-data', message: 'this is not an e-mail address' } },
      {
        address: ALICE,
        error: { code: 'task-not-allowed', message: `${ALICE} is New: it has a temporary key already` },
      },
    ])
    const { entries } = await org.task('journal', {})
    expect(entries.slice(-4).map(({ subject, result }) => [subject, result])).toEqual([
      [ALICE, 'done'],
      ['nobody@example.org', 'not-found'],
      ['', 'bad-data'],
      [ALICE, 'task-not-allowed'],
    ])
  })
})

describe('adding a mailbox', () => {
  it('refuses what it can not be', async () => {
    const org = await organization()
    const add = (address: string, name = '') => org.task('mailboxes.add', { address, name })
    await add(ALICE)
    await expect(add('alice@EXAMPLE.ORG')).rejects.toMatchObject({
      code: 'already-exists',
      message: `${ALICE} is there already; its status is Undefined`,
    })
    await expect(add('alice@example.com')).rejects.toMatchObject({
      code: 'refused-by-policy',
      message: 'example.com is not a domain of this organization',
      hint: 'an address here ends in @example.org or @example.net',
    })
    await expect(add('bob@example.org', 'Bob <boss@example.org>')).rejects.toMatchObject({
      code: 'bad-data',
      message: 'the name holds a character that no name may hold',
    })
    await expect(add('bob@example.org', '\ud800')).rejects.toMatchObject({ code: 'bad-data' })
    await expect(add('\ud800@example.org')).rejects.toMatchObject({ code: 'bad-data' })
    expect((await org.task('mailboxes.list', {})).mailboxes).toHaveLength(1)
  })
})

describe('adding a mailbox elsewhere', () => {
  it('is refused in words that every client takes, however many domains there are', async () => {
    const domains = Array.from({ length: 64 }, (_, i) => `department-number-${i}.example.org`)
    const org = await organization({ domains })
    const [first, second, third] = domains
    await expect(org.task('mailboxes.add', { address: ALICE, name: '' })).rejects.toMatchObject({
      code: 'refused-by-policy',
      message: 'example.org is not a domain of this organization',
      hint: `an address here ends in @${first} or @${second} or @${third} or in one of 61 other domains`,
    })
  })
})

describe('listing mailboxes', () => {
  it('looks as far as dates go, and no further', async () => {
    const org = await organization()
    await org.task('mailboxes.add', { address: ALICE, name: '' })
    expect((await org.task('mailboxes.list', { expiringWithin: 99_999 * 604_800 })).mailboxes).toEqual([])
    for (const parameters of [{ expiringWithin: Number.MAX_SAFE_INTEGER }, { silentFor: Number.MAX_SAFE_INTEGER }]) {
      await expect(org.task('mailboxes.list', parameters)).rejects.toMatchObject({ code: 'bad-data' })
    }
    expect(org.logged).toEqual([])
  })

  it('shows pages, and names an address that is no mailbox', async () => {
    const org = await organization()
    for (let i = 0; i < 3; i++) await org.task('mailboxes.add', { address: `user${i}@example.org`, name: '' })
    const { mailboxes, next } = await org.task('mailboxes.list', { after: 'user0@example.org' })
    expect(mailboxes.map(({ address }) => address)).toEqual(['user1@example.org', 'user2@example.org'])
    expect(next).toBeNull()
    await expect(
      org.task('mailboxes.list', { addresses: ['user1@example.org', 'x@example.org'] }),
    ).rejects.toMatchObject({ code: 'not-found', message: 'x@example.org is no mailbox of this KM server' })
  })
})
