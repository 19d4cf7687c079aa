import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openAgent } from '@mailseal/agent'
import { systemClock, utf8 } from '@mailseal/common'
import { PATHS } from '@mailseal/common/rpc'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Gnupg, makeGnupg } from '../support/gnupg.ts'
import { makeOrganization, type Organization, USER_PASSWORD, type User } from '../support/organization.ts'
import { encryptedMessage, signedMessage } from './mail.ts'

const ADDRESS = 'alice@example.org'
const PLAIN = ['--trust-model', 'always', '--armor', '--output', '-']

interface Signature {
  readonly status: string
  readonly reason: string | null
}

let organization: Organization
let alice: User
let bob: User
/** Somebody outside of the organization who writes to Alice. */
let friend: Gnupg
/** Alice's own, with the keys that she exported when she had the first. */
let gnupg: Gnupg

beforeAll(async () => {
  organization = await makeOrganization()
  alice = organization.user('alice')
  bob = organization.user('bob')
  friend = await makeGnupg()
  gnupg = await makeGnupg({ passphrase: USER_PASSWORD })
  await organization.adminJson('mailboxes', 'add', ADDRESS)
  await organization.adminJson('mailboxes', 'add', 'bob@example.org')
  await organization.adminJson('enable', ADDRESS, 'bob@example.org', '--send')
  await bob.enroll('bob@example.org')
})

afterAll(async () => {
  await friend?.end()
  await gnupg?.end()
  await organization?.end()
})

async function refreshed(name: string): Promise<void> {
  const response = await fetch(organization.url + PATHS.certificates + name)
  const { exitCode, stderr } = await friend(['--import'], new Uint8Array(await response.arrayBuffer()))
  expect(exitCode, stderr).toBe(0)
}

/** The friend's letter to one of Alice's keys, as a file; null if GnuPG does not encrypt to it. */
async function writtenTo(fingerprint: string): Promise<string | null> {
  const entity = `Content-Type: text/plain\r\n\r\nto ${fingerprint}\r\n`
  const sealed = await friend([...PLAIN, '--recipient', fingerprint, '--encrypt'], entity)
  if (sealed.exitCode !== 0) return null
  const header = `From: friend@example.net\r\nTo: ${ADDRESS}\r\nSubject: Lunch\r\n`
  const file = join(organization.folder, `to-${fingerprint}.eml`)
  await writeFile(file, encryptedMessage(header, sealed.stdout))
  return file
}

/** Fingerprint of the certificate that GnuPG chooses for an address. */
async function keyFor(address: string): Promise<string | undefined> {
  const { stderr } = await friend(['--verbose', ...PLAIN, '--recipient', address, '--encrypt'], 'a letter')
  // It looks at each of them, and names the chosen last.
  const keyId = [...stderr.matchAll(/using subkey [0-9A-F]{16} instead of primary key ([0-9A-F]{16})/g)].at(-1)?.[1]
  const { stdout } = await friend(['--with-colons', '--list-keys', keyId ?? 'none'])
  return /^fpr:+([0-9A-F]{40}):/m.exec(stdout)?.[1]?.toLowerCase()
}

/** Signed by Alice's GnuPG with her first key, as it seems so many seconds from now. */
async function signedByGnupg(fingerprint: string, seconds: number): Promise<string> {
  const entity = utf8('Content-Type: text/plain\r\n\r\nI owe you ten.\r\n')
  const at = new Date((systemClock.now() + seconds) * 1000).toISOString().replace(/[-:]|\.\d+Z/g, '')
  const dated = ['--faked-system-time', `${at}!`, '--local-user', `${fingerprint}!`]
  const signed = await gnupg([...dated, ...PLAIN, '--detach-sign'], entity)
  expect(signed.exitCode, signed.stderr).toBe(0)
  const file = join(organization.folder, `gnupg-${at}.eml`)
  await writeFile(file, signedMessage(`From: ${ADDRESS}\r\nSubject: Debt\r\n`, entity, signed.stdout))
  return file
}

async function signatures(...files: string[]): Promise<Signature[]> {
  const { stdout } = await bob.mailseal(['verify', ...files, '--json'])
  const { results } = JSON.parse(stdout) as { results: { signature: Signature }[] }
  return results.map(({ signature: { status, reason } }) => ({ status, reason }))
}

async function textsOf(files: readonly (string | null)[]): Promise<string[]> {
  const agent = await openAgent({ home: alice.home, password: async () => USER_PASSWORD })
  const reader = await agent.openReader()
  try {
    const opened = files.map(async (file) => (await reader.open(await readFile(file ?? 'no letter'))).text)
    return await Promise.all(opened)
  } finally {
    reader.close()
    agent.close()
  }
}

const enrollAgain = async () => {
  await rm(alice.home, { recursive: true })
  await organization.adminJson('recover', ADDRESS, '--send')
  return alice.enroll(ADDRESS)
}

it('whoever loses all keys twice still reads every letter, and what they signed stays theirs until it is revoked', async () => {
  const GOOD = { status: 'good', reason: null }
  const first = await alice.enroll(ADDRESS)
  await refreshed(ADDRESS)
  const letters = [await writtenTo(first.fingerprint)]
  const exporting = ['export', '--secret', '--format', 'gnupg', '--password-file', alice.passwordFile]
  await gnupg(['--import'], (await alice.mailseal(exporting)).bytes)
  const signed = [await alice.sign(ADDRESS, 'first\r\n'), await signedByGnupg(first.fingerprint, 0)]

  const second = await enrollAgain()
  expect(second).toMatchObject({ recoveredKeys: 1 })
  expect(await textsOf(letters)).toEqual([`to ${first.fingerprint}\n`])
  signed.push(await alice.sign(ADDRESS, 'second\r\n'))
  const late = await signedByGnupg(first.fingerprint, 60)
  expect(await signatures(...signed, late)).toEqual([GOOD, GOOD, GOOD, { status: 'revoked', reason: 'replaced' }])
  await refreshed(ADDRESS)
  expect(await keyFor(ADDRESS)).toBe(second.fingerprint)
  await refreshed(first.fingerprint)
  expect(await writtenTo(first.fingerprint)).toBe(null)
  letters.push(await writtenTo(second.fingerprint))

  const third = await enrollAgain()
  expect(third).toMatchObject({ recoveredKeys: 2 })
  await refreshed(ADDRESS)
  letters.push(await writtenTo(third.fingerprint))
  const all = [first, second, third].map(({ fingerprint }) => `to ${fingerprint}\n`)
  expect(await textsOf(letters)).toEqual(all)
  signed.push(await alice.sign(ADDRESS, 'third\r\n'))
  expect(await signatures(...signed, late)).toMatchObject([GOOD, GOOD, GOOD, GOOD, { status: 'revoked' }])

  await organization.adminJson('revoke', ADDRESS, '--reason', 'compromised', '--yes')
  const compromised = { status: 'revoked', reason: 'compromised' }
  expect(await signatures(...signed, late)).toEqual([...signed, late].map(() => compromised))
  expect(await textsOf(letters)).toEqual(all)
  await refreshed(ADDRESS)
  expect(await writtenTo(third.fingerprint)).toBe(null)
})
