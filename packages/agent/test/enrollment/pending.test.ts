import { readFile } from 'node:fs/promises'
import { systemRandom } from '@mailseal/common'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Context } from '../../src/context.ts'
import { openPending, type PendingEnrollment, removePending, writePending } from '../../src/enrollment/pending.ts'
import { homeAt } from '../../src/home.ts'
import { openState } from '../../src/state/state.ts'
import { makeOrganization, NOW, PASSWORD, SERVER, temporaryFolder } from '../organization.ts'

const organization = await makeOrganization()
const { key } = await organization.issue('alice@example.org')

const pending: PendingEnrollment = {
  begun: NOW,
  pskId: systemRandom(32),
  server: SERVER,
  mailbox: 'ab'.repeat(16),
  address: 'alice@example.org',
  userId: '<alice@example.org>',
  authority: new Uint8Array(organization.document.bytes),
  fingerprint: key.fingerprint,
  subkeyFingerprint: key.subkeyFingerprint,
  validFrom: key.validFrom,
  validTo: key.validTo,
  secretKey: key.secretKey,
  request: systemRandom(100),
  replyKey: systemRandom(32),
  replyNonce: systemRandom(12),
}

async function writing() {
  const home = homeAt(await temporaryFolder())
  const state = await openState(home.state)
  onTestFinished(() => state.close())
  const context = { home, state, random: systemRandom, argon2: { passes: 1, parallelism: 1, memoryExponent: 3 } }
  return { home, write: (what: PendingEnrollment) => writePending(context as unknown as Context, what, PASSWORD) }
}

describe('an enrollment that was begun', () => {
  it('keeps what opens the recovered history', async () => {
    const { home, write } = await writing()
    const begun = { ...pending, historyKey: systemRandom(32) }
    await write(begun)
    expect(await openPending(await readFile(home.pending), PASSWORD)).toEqual(begun)
  })

  it('by a version that knew of no history still opens', async () => {
    const { home, write } = await writing()
    await write(pending)
    expect(await openPending(await readFile(home.pending), PASSWORD)).toEqual(pending)
  })

  it('is never written over', async () => {
    const { home, write } = await writing()
    await write(pending)
    await expect(write({ ...pending, begun: NOW + 1 })).rejects.toMatchObject({
      code: 'busy',
      message: 'another mailseal has begun an enrollment here meanwhile',
    })
    await removePending(home.pending)
    await removePending(home.pending)
    await write({ ...pending, begun: NOW + 1 })
  })
})
