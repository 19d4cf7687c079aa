import { DatabaseSync } from 'node:sqlite'
import { toHex } from '@mailseal/common'
import { type IssuedKey, PATHS } from '@mailseal/common/rpc'
import { describe, expect, it } from 'vitest'
import { databasePath } from '../../src/store/sqlite/index.ts'
import {
  enroll,
  issuedOf,
  newId,
  type Organization,
  organization,
  prepareEnrollment,
  sendEnrollment,
  soleResult,
} from '../organization.ts'

const ALICE = 'alice@example.org'

const DONE_BEFORE = {
  code: 'already-exists',
  message: 'this was done before, and its answer is no longer kept',
  hint: 'see what became of it: mailseal-admin status',
}

function answers({ dataFolder }: Organization) {
  const database = new DatabaseSync(databasePath(dataFolder), { readOnly: true })
  try {
    return database.prepare('select request_id, sealed_answer from task_answers').all()
  } finally {
    database.close()
  }
}

/** Does work whose mailbox another one changes between its preparation and its transaction. */
async function changedMeanwhile<T>(org: Organization, work: () => Promise<T>): Promise<T> {
  const other = new DatabaseSync(databasePath(org.dataFolder))
  try {
    other.exec('begin immediate')
    const running = Promise.allSettled([work()])
    // Until it waits for the lock.
    for (let turn = 0; turn < 50; turn++) await org.rpc.getBytes(PATHS.authority, 100_000)
    other.exec('update mailboxes set version = version + 1')
    other.exec('commit')
    const [outcome] = await running
    if (outcome.status === 'rejected') throw outcome.reason
    return outcome.value
  } finally {
    other.close()
  }
}

const outcomes = async (promises: Promise<unknown>[]) =>
  (await Promise.allSettled(promises)).map((one) => (one.status === 'fulfilled' ? 'done' : one.reason.code)).sort()

describe('at the same time', () => {
  it('two agents with one temporary key: one enrolls, the other is told that it was used', async () => {
    const org = await organization()
    const issued = await org.enabled(ALICE)
    const requests = await Promise.all([prepareEnrollment(issued), prepareEnrollment(issued)])
    const sent = requests.map(({ request }) => sendEnrollment(org.rpc, request))
    expect(await outcomes(sent)).toEqual(['done', 'temporary-key-used'])
    const { mailboxes } = await org.task('mailboxes.list', {})
    expect(mailboxes).toMatchObject([{ status: 'Active' }])
  })

  it('one request many times: all get the same bytes', async () => {
    const org = await organization()
    const { request } = await prepareEnrollment(await org.enabled(ALICE))
    const replies = await Promise.all(Array.from({ length: 8 }, () => sendEnrollment(org.rpc, request)))
    expect(new Set(replies.map(toHex)).size).toBe(1)
  })

  it('one request at two servers over one database: the same bytes', async () => {
    const org = await organization()
    const second = await org.another()
    const { request } = await prepareEnrollment(await org.enabled(ALICE))
    const [a, b] = await Promise.all([sendEnrollment(org.rpc, request), sendEnrollment(second, request)])
    expect(toHex(a)).toBe(toHex(b))
  })

  it('enabled twice: one temporary key', async () => {
    const org = await organization()
    await org.task('mailboxes.add', { address: ALICE, name: '' })
    const both = Array.from({ length: 2 }, async () => soleResult(await org.task('enable', { addresses: [ALICE] })))
    expect(await outcomes(both)).toEqual(['done', 'task-not-allowed'])
  })

  it('revoked and enrolled: either the key is void or the certificate is revoked', async () => {
    const org = await organization()
    for (let round = 0; round < 5; round++) {
      const address = `user${round}@example.org`
      const issued = await org.enabled(address)
      const { request } = await prepareEnrollment(issued)
      const revoke = org.task('revoke', { addresses: [address], reason: 'compromised' }).then(soleResult)
      const [enrolled, revoked] = await Promise.allSettled([sendEnrollment(org.rpc, request), revoke])
      expect(revoked.status).toBe('fulfilled')
      const [mailbox] = (await org.task('mailboxes.list', { addresses: [address] })).mailboxes
      expect(mailbox).toMatchObject({
        certificate: null,
        status: enrolled.status === 'fulfilled' ? 'Disabled' : 'Undefined',
      })
    }
  })

  it('recovered twice: one temporary key, which works', async () => {
    const org = await organization()
    await enroll(org.rpc, await org.enabled(ALICE))
    const both = await Promise.allSettled(
      Array.from({ length: 2 }, async () => issuedOf(await org.task('recover', { addresses: [ALICE] }))),
    )
    const [issued] = both.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
    const [refused] = both.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []))
    expect(refused).toMatchObject({
      code: 'task-not-allowed',
      message: `a key recovery of ${ALICE} is in progress: it has a temporary key already`,
    })
    if (issued === undefined) throw new TypeError('nothing issued')
    expect((await enroll(org.rpc, issued)).reply.recovered).toHaveLength(1)
  })

  it('canceled and enrolled in a recovery: either the old certificate stays or the new one is there', async () => {
    const org = await organization()
    for (let round = 0; round < 5; round++) {
      const address = `user${round}@example.org`
      const before = await enroll(org.rpc, await org.enabled(address))
      const { request, ...agent } = await prepareEnrollment(
        issuedOf(await org.task('recover', { addresses: [address] })),
      )
      const cancel = org.task('cancel', { addresses: [address] }).then(soleResult)
      const [enrolled, canceled] = await Promise.allSettled([sendEnrollment(org.rpc, request), cancel])
      expect([enrolled.status, canceled.status].sort()).toEqual(['fulfilled', 'rejected'])
      const [mailbox] = (await org.task('mailboxes.list', { addresses: [address] })).mailboxes
      const { fingerprint } = enrolled.status === 'fulfilled' ? agent.key : before.key
      expect(mailbox).toMatchObject({ status: 'Active', certificate: { fingerprint } })
    }
  })

  it('enrolled while the name changes again and again: both are done', async () => {
    const org = await organization()
    await enroll(org.rpc, await org.enabled(ALICE))
    const { request } = await prepareEnrollment(issuedOf(await org.task('recover', { addresses: [ALICE] })))
    const names = ['A', 'B', 'C'].map((name) => org.task('mailboxes.change', { address: ALICE, name }))
    await Promise.all([sendEnrollment(org.rpc, request), ...names])
    const { mailboxes } = await org.task('mailboxes.list', {})
    expect(mailboxes).toMatchObject([{ status: 'Active', archivedKeys: 2 }])
    expect((await org.task('journal', {})).entries.filter(({ result }) => result !== 'done')).toEqual([])
  })

  it('prepared for a mailbox that changes before it is done: prepared and done again', async () => {
    const org = await organization()
    const first = await enroll(org.rpc, await org.enabled(ALICE))
    const issued = await changedMeanwhile(org, async () => issuedOf(await org.task('recover', { addresses: [ALICE] })))
    const { request } = await prepareEnrollment(issued)
    await changedMeanwhile(org, () => sendEnrollment(org.rpc, request))
    const removed = await changedMeanwhile(org, async () =>
      soleResult(await org.task('mailboxes.remove', { addresses: [ALICE] })),
    )
    expect(removed.serials).toHaveLength(2)
    expect(removed.serials).toContain(first.reply.serial)
    expect((await org.task('journal', {})).entries.filter(({ result }) => result !== 'done')).toEqual([])
  })

  it('moved twice: one address', async () => {
    const org = await organization()
    await enroll(org.rpc, await org.enabled(ALICE))
    const move = (newAddress: string) => org.task('mailboxes.change', { address: ALICE, newAddress })
    const both = [move('anna@example.org'), move('anne@example.org')]
    expect(await outcomes(both)).toEqual(['done', 'not-found'])
  })

  it('removed and enrolled: the certificate is on the list, or there is none', async () => {
    const org = await organization()
    const issued = await org.enabled(ALICE)
    const { request } = await prepareEnrollment(issued)
    const remove = org.task('mailboxes.remove', { addresses: [ALICE] }).then(soleResult)
    const [enrolled, removed] = await Promise.allSettled([sendEnrollment(org.rpc, request), remove])
    if (removed.status === 'rejected') throw removed.reason
    expect(removed.value.serials).toHaveLength(enrolled.status === 'fulfilled' ? 1 : 0)
    expect((await org.task('mailboxes.list', {})).mailboxes).toEqual([])
  })

  it('added twice: one mailbox', async () => {
    const org = await organization()
    const both = [1, 2].map(() => org.task('mailboxes.add', { address: ALICE, name: '' }))
    expect(await outcomes(both)).toEqual(['already-exists', 'done'])
  })
})

describe('a repeated task', () => {
  it('has the same answer and does nothing twice, one after the other or at once', async () => {
    const org = await organization()
    const add = newId()
    const parameters = { address: ALICE, name: '' }
    const added = await org.task('mailboxes.add', parameters, { requestId: add })
    expect(await org.task('mailboxes.add', parameters, { requestId: add })).toEqual(added)

    const addresses = [ALICE, 'nobody@example.org']
    const requestId = newId()
    const enable = () => org.task('enable', { addresses }, { requestId })
    const [first, second] = await Promise.all([enable(), enable()])
    await org.restart()
    expect([second, await enable()]).toEqual([first, first])
    const [issued] = first?.results ?? []
    if (issued === undefined || 'error' in issued) throw new TypeError('not enabled')
    await enroll(org.rpc, issued)

    const revocation = newId()
    const revoke = () => org.task('revoke', { addresses: [ALICE], reason: 'left' }, { requestId: revocation })
    const revoked = soleResult(await revoke())
    expect(revoked).toMatchObject({ status: 'Disabled', serials: [expect.any(String)] })
    expect(soleResult(await revoke())).toMatchObject({ status: 'Disabled', serials: revoked.serials })

    const { entries } = await org.task('journal', {})
    expect(entries.map(({ task, result }) => [task, result])).toEqual([
      ['init', 'done'],
      ['mailboxes.add', 'done'],
      ['enable', 'done'],
      ['enable', 'not-found'],
      ['enroll', 'done'],
      ['revoke', 'done'],
    ])
  })

  it('has the same answer after its archive was opened, and opens it only once', async () => {
    const org = await organization()
    await enroll(org.rpc, await org.enabled(ALICE))
    const requestId = newId()
    const recover = () => org.task('recover', { addresses: [ALICE] }, { requestId })
    const issued = await recover()
    const damaged = new DatabaseSync(databasePath(org.dataFolder))
    damaged.exec("update administrators set sealed_share = x'0303'")
    damaged.close()
    expect(await recover()).toEqual(issued)
    expect(issuedOf(issued).history).toEqual({ keys: 1, damaged: [] })
    await expect(org.task('recover', { addresses: [ALICE] }).then(soleResult)).rejects.toMatchObject({
      code: 'task-not-allowed',
    })
    await expect(org.task('reissue', { addresses: [ALICE] }).then(soleResult)).rejects.toMatchObject({
      code: 'password-wrong',
      message: `the key history of ${ALICE} requires the passwords of 3 administrators, and 1 were entered`,
    })
  })

  it('with other parameters or for another task under the same id is refused', async () => {
    const org = await organization()
    await org.task('mailboxes.add', { address: ALICE, name: '' })
    const requestId = newId()
    await org.task('enable', { addresses: [ALICE] }, { requestId })
    const expected = { code: 'already-exists', message: 'the request id was used for another request' }
    await expect(org.task('enable', { addresses: ['b@example.org'] }, { requestId })).rejects.toMatchObject(expected)
    await expect(org.task('cancel', { addresses: [ALICE] }, { requestId })).rejects.toMatchObject(expected)
    const { mailboxes } = await org.task('mailboxes.list', {})
    expect(mailboxes).toMatchObject([{ status: 'New' }])
  })

  it.each(['enroll', 'reissue', 'cancel', 'revoke', 'expiry'])(
    'brings a temporary key back until it ends, and nothing of it is left in the database: %s',
    async (end) => {
      const org = await organization()
      await org.task('mailboxes.add', { address: ALICE, name: '' })
      const requestId = newId()
      const enable = async () => soleResult(await org.task('enable', { addresses: [ALICE] }, { requestId }))
      const issued = (await enable()) as IssuedKey
      expect(await enable()).toEqual(issued)
      const answer = () => answers(org).find(({ request_id }) => request_id === `${requestId}.0`)?.sealed_answer
      expect(answer()).not.toBeNull()

      const addresses = [ALICE]
      if (end === 'enroll') await enroll(org.rpc, issued)
      if (end === 'reissue') await org.task('reissue', { addresses })
      if (end === 'cancel') await org.task('cancel', { addresses })
      if (end === 'revoke') await org.task('revoke', { addresses, reason: 'left' })
      if (end === 'expiry') {
        org.clock.at += 14 * 86400
        const { request } = await prepareEnrollment(issued)
        await expect(sendEnrollment(org.rpc, request)).rejects.toMatchObject({ code: 'temporary-key-expired' })
      }
      expect(answer()).toBeNull()
      await expect(enable()).rejects.toMatchObject(DONE_BEFORE)
    },
  )

  it('is told after 15 minutes that it was done before, and does nothing twice', async () => {
    const org = await organization()
    await org.enabled(ALICE)
    const requestId = newId()
    const reissue = async () => soleResult(await org.task('reissue', { addresses: [ALICE] }, { requestId }))
    const issued = (await reissue()) as IssuedKey
    org.clock.at += 901
    await org.restart()
    await expect(reissue()).rejects.toMatchObject(DONE_BEFORE)
    await enroll(org.rpc, issued)
  })

  it('needs the password again', async () => {
    const org = await organization()
    await org.task('mailboxes.add', { address: ALICE, name: '' })
    const requestId = newId()
    await org.task('enable', { addresses: [ALICE] }, { requestId })
    const credentials = [{ administrator: 'admin', password: 'wrong' }]
    await expect(org.task('enable', { addresses: [ALICE] }, { requestId, credentials })).rejects.toMatchObject({
      code: 'password-wrong',
      message: 'administrator name or password is wrong',
    })
  })
})

describe('passwords', () => {
  it.each([
    ['wrong', [{ administrator: 'admin', password: 'wrong' }], 'administrator name or password is wrong'],
    ['of nobody', [{ administrator: 'eve', password: 'wrong' }], 'administrator name or password is wrong'],
    ['missing', [], "this task requires 1 administrator's password, and 0 were entered"],
  ])('%s: refused and journaled', async (_, credentials, message) => {
    const org = await organization()
    const add = org.task('mailboxes.add', { address: ALICE, name: '' }, { credentials })
    await expect(add).rejects.toMatchObject({ code: 'password-wrong', message })
    const { entries } = await org.task('journal', {})
    expect(entries.at(-1)).toMatchObject({
      task: 'mailboxes.add',
      result: 'password-wrong',
      administrators: [],
      subject: '',
    })
    expect((await org.task('mailboxes.list', {})).mailboxes).toEqual([])
  })
})
