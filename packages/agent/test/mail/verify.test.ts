import { unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { concat, utf8 } from '@mailseal/common'
import { type CrlEntry, dayOf } from '@mailseal/common/crl'
import { PATHS } from '@mailseal/common/rpc'
import { describe, expect, it } from 'vitest'
import {
  enrolledAgent,
  frozen,
  type Issued,
  makeOrganization,
  NOW,
  newAgent,
  noNetwork,
  published,
  signedBy,
} from '../organization.ts'
import { altered, letter } from './messages.ts'

const organization = await makeOrganization()
const alice = await organization.issue('alice@example.org', { name: 'Alice' })
const bob = await organization.issue('bob@example.org')
const signed = await signedBy(organization, alice, letter())

const revoked = ({ serial, key }: Issued): CrlEntry => ({
  serial,
  revokedAt: NOW + 60,
  expiryDay: dayOf(key.validTo),
  reason: 'compromised',
})
const certificates = { [PATHS.certificates + alice.key.fingerprint]: alice.certificate }

/** Bob's agent, whose server has this list and Alice's certificate. */
async function bobWith(list: Uint8Array, now = NOW) {
  const fetch = published({ ...certificates, [PATHS.crl]: list })
  return enrolledAgent(organization, bob, { fetch, clock: frozen(now) })
}

describe('verifying', () => {
  it("says good of a colleague's letter, with what the signature covers", async () => {
    const { agent } = await bobWith(await organization.list())
    expect(await agent.verify(signed)).toEqual({
      summary: 'verified',
      encrypted: false,
      signature: {
        status: 'good',
        signer: 'Alice <alice@example.org>',
        address: 'alice@example.org',
        serial: alice.serial,
        fingerprint: alice.key.fingerprint,
        signedAt: NOW,
        reason: null,
        revokedAt: null,
      },
      revocation: { state: 'fresh', number: NOW, age: 0 },
      recipients: [],
      warnings: [],
      exitCode: 0,
      subject: 'Lunch',
      isSubjectCovered: false,
      from: 'alice@example.org',
      text: 'At noon?\n',
    })
  })

  it('says bad of one that was changed, also in its structure', async () => {
    const { agent } = await bobWith(await organization.list())
    const changed = await agent.verify(altered(signed, 'At noon?', 'At ten??'))
    expect(changed).toMatchObject({
      summary: 'unprotected',
      exitCode: 3,
      signature: { status: 'bad', reason: 'altered' },
      text: 'At ten??\n',
    })
    const broken = await agent.verify(altered(signed, 'protocol="application/pgp-signature";', ''))
    expect(broken).toMatchObject({ exitCode: 3, signature: { status: 'bad', reason: 'malformed' } })
  })

  it('says none of one without a signature, and of one below other parts', async () => {
    const { agent } = await bobWith(await organization.list())
    expect(await agent.verify(letter())).toMatchObject({
      summary: 'unprotected',
      exitCode: 3,
      signature: { status: 'none' },
      text: 'At noon?\n',
    })
    const wrapped = concat(
      utf8('From: alice@example.org\r\nContent-Type: multipart/mixed; boundary=outer\r\n\r\n--outer\r\n'),
      signed,
      utf8('\r\n--outer\r\n\r\nList footer\r\n--outer--\r\n'),
    )
    expect(await agent.verify(wrapped)).toMatchObject({ summary: 'unprotected', signature: { status: 'none' } })
  })

  it('keeps the verdict where the text can not be shown', async () => {
    const folded = `Content-Description: x${'\r\n x'.repeat(50_000)}`
    const intricate = utf8(`From: alice@example.org\r\n${folded}\r\n\r\nAt noon?\r\n`)
    const { agent } = await bobWith(await organization.list())
    expect(await agent.verify(await signedBy(organization, alice, intricate))).toMatchObject({
      exitCode: 0,
      signature: { status: 'good' },
      warnings: [{ code: 'text-unreadable' }],
      text: '',
    })
  })

  it('says so where HTML is not turned into text: nobody may take the rest for the whole', async () => {
    const { agent } = await bobWith(await organization.list())
    for (const html of ['<b>At noon?</b>'.repeat(20_000), `${'<div>'.repeat(2000)}At noon?`]) {
      const lines = html.replaceAll('>', '>\r\n')
      const letter = utf8(`From: alice@example.org\r\nContent-Type: text/html\r\n\r\n${lines}\r\n`)
      expect(await agent.verify(await signedBy(organization, alice, letter))).toMatchObject({
        signature: { status: 'good' },
        warnings: [{ code: 'text-unreadable' }],
        text: '',
      })
    }
  })

  it('says mismatch of one that claims another sender', async () => {
    const { agent } = await bobWith(await organization.list())
    const posing = await agent.verify(
      altered(signed, 'From: Alice <alice@example.org>', 'From: Boss <boss@example.org>'),
    )
    expect(posing).toMatchObject({ exitCode: 102, from: 'boss@example.org', signature: { status: 'mismatch' } })
  })

  it('says unknown of a key that nobody has', async () => {
    const fetch = published({ [PATHS.crl]: await organization.list() })
    const { agent } = await enrolledAgent(organization, bob, { fetch })
    expect(await agent.verify(signed)).toMatchObject({
      exitCode: 3,
      signature: { status: 'unknown', reason: 'no-certificate', signer: null },
    })
  })

  it('says uncertified of a key of another organization, and does not keep it', async () => {
    const other = await makeOrganization()
    const stranger = await other.issue('alice@example.org')
    const letterOfStranger = await signedBy(other, stranger, letter())
    const fetch = published({
      [PATHS.crl]: await organization.list(),
      [PATHS.certificates + stranger.key.fingerprint]: stranger.certificate,
    })
    const { agent, home } = await enrolledAgent(organization, bob, { fetch })
    expect(await agent.verify(letterOfStranger)).toMatchObject({ exitCode: 102, signature: { status: 'uncertified' } })
    const offline = (await newAgent({ home })).agent
    expect(await offline.verify(letterOfStranger)).toMatchObject({ signature: { status: 'unknown' } })
  })

  it('notices a revocation at once, and remembers it without the server', async () => {
    const list = await organization.list({ number: NOW + 60, at: NOW + 60, entries: [revoked(alice)] })
    const { agent, home } = await bobWith(list, NOW + 90)
    const verdict = { exitCode: 100, summary: 'unprotected', signature: { status: 'revoked', reason: 'compromised' } }
    expect(await agent.verify(signed)).toMatchObject(verdict)
    const offline = (await newAgent({ home, clock: frozen(NOW + 90) })).agent
    expect(await offline.verify(signed)).toMatchObject(verdict)
  })

  it('remembers a revocation for ever, also when the list has forgotten it', async () => {
    const { agent, home } = await bobWith(
      await organization.list({ number: NOW + 60, at: NOW + 60, entries: [revoked(alice)] }),
      NOW + 90,
    )
    await agent.verify(signed)
    await writeFile(join(home, 'revocations.crl'), await organization.list({ number: NOW + 70, at: NOW + 70 }))
    const offline = (await newAgent({ home, clock: frozen(NOW + 90) })).agent
    expect(await offline.verify(signed)).toMatchObject({ exitCode: 100, revocation: { number: NOW + 70 } })
  })

  it('trusts no signature without a list', async () => {
    const { agent, home } = await bobWith(await organization.list())
    expect(await agent.verify(signed)).toMatchObject({ exitCode: 0 })
    await unlink(join(home, 'revocations.crl'))
    const offline = (await newAgent({ home })).agent
    expect(await offline.verify(signed)).toMatchObject({
      exitCode: 103,
      summary: 'unprotected',
      signature: { status: 'unknown', reason: 'revocation-list-missing' },
      revocation: { state: 'missing', number: null, age: null },
      warnings: [{ code: 'crl-missing' }],
    })
  })

  it('trusts no signature by a list whose entries are garbled', async () => {
    const list = await organization.list({ entries: [revoked(bob)] })
    const { agent, home } = await bobWith(list)
    await agent.verify(signed)
    await writeFile(join(home, 'revocations.crl'), list.slice().fill(0, 128, 144))
    expect(await agent.verify(signed)).toMatchObject({
      exitCode: 103,
      summary: 'unprotected',
      signature: { status: 'unknown', reason: 'revocation-list-missing', signer: 'Alice <alice@example.org>' },
      revocation: { state: 'missing', number: null, age: null },
      warnings: [{ code: 'crl-missing' }],
      text: 'At noon?\n',
    })
  })

  it('says how old a list is that nobody refreshed', async () => {
    const { agent, home } = await bobWith(await organization.list())
    await agent.verify(signed)
    const later = (await newAgent({ home, clock: frozen(NOW + 100_000) })).agent
    expect(await later.verify(signed)).toMatchObject({
      exitCode: 0,
      revocation: { state: 'stale', age: 100_000 },
      warnings: [{ code: 'crl-stale' }],
    })
  })

  it('goes on with the own list where the server sends a wrong one, and warns', async () => {
    let list = await organization.list({ number: NOW + 5 })
    const fetch = published({ ...certificates, [PATHS.crl]: () => list })
    const { agent } = await enrolledAgent(organization, bob, { fetch })
    await agent.verify(signed)
    list = await organization.list({ number: NOW })
    expect(await agent.verify(signed)).toMatchObject({
      exitCode: 0,
      revocation: { number: NOW + 5 },
      warnings: [{ code: 'revocation-list-refused' }],
    })
  })

  it('does not wait long for a server that never answers', async () => {
    const { agent, home } = await bobWith(await organization.list())
    await agent.verify(signed)
    const never: typeof fetch = (_input, init) =>
      new Promise((_resolve, reject) => {
        init?.signal?.addEventListener('abort', () => reject(init.signal?.reason))
      })
    const silent = (await newAgent({ home, fetch: never, timeouts: { refresh: 50 } })).agent
    expect(await silent.verify(signed)).toMatchObject({ exitCode: 0, revocation: { state: 'fresh' } })
  })

  it('judges many by one list', async () => {
    let asked = 0
    const list = await organization.list()
    const counted = () => {
      asked++
      return list
    }
    const fetch = published({ ...certificates, [PATHS.crl]: counted })
    const { agent } = await enrolledAgent(organization, bob, { fetch })
    const verifier = await agent.openVerifier()
    for (const message of [signed, letter(), signed]) await verifier.verify(message)
    verifier.close()
    expect(asked).toBe(1)
  })

  it('needs to know whom to trust', async () => {
    const { agent } = await newAgent({ fetch: noNetwork })
    await expect(agent.verify(signed)).rejects.toMatchObject({ code: 'not-enrolled' })
  })
})
