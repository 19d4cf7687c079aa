import { utf8 } from '@mailseal/common'
import { openMessage, readSecretSubkeys } from '@mailseal/common/certificate'
import { parseMime } from '@mailseal/common/mime'
import { readEncrypted, readSigned } from '@mailseal/common/pgp-mime'
import { PATHS } from '@mailseal/common/rpc'
import { describe, expect, it } from 'vitest'
import type { EncryptResult } from '../../src/index.ts'
import { enrolledAgent, frozen, type Issued, makeOrganization, NOW, newAgent, published } from '../organization.ts'
import { entryOf, office, written } from './office.ts'

const organization = await makeOrganization()
const [alice, bob, carol, dave] = (await Promise.all(
  ['alice', 'bob', 'carol', 'dave'].map((name) => organization.issue(`${name}@example.org`)),
)) as [Issued, Issued, Issued, Issued]
const everybody = [alice, bob, carol, dave]

/** Alice's agent, whose server has these certificates and this list. */
async function aliceWith({ people = everybody, entries = [] as Parameters<typeof entryOf>[] } = {}) {
  const list = await organization.list({ entries: entries.map((entry) => entryOf(...entry)) })
  return enrolledAgent(organization, alice, { fetch: office(list, people) })
}

const read = async (message: Uint8Array, reader: Issued) =>
  openMessage(
    readEncrypted(parseMime(message))?.sealed ?? new Uint8Array(),
    await readSecretSubkeys(reader.key.secretKey),
  )
const keyId = (one: Issued) => one.key.subkeyFingerprint.slice(-16)
const keyIds = async (message: Uint8Array) => (await read(message, alice)).recipientKeyIds
const text = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString()

describe('encrypting', () => {
  it('is to everybody in To and Cc and to oneself, signed, with the subject inside', async () => {
    const { agent } = await aliceWith()
    const result = await agent.encrypt(
      written({ To: 'Bob <bob@example.org>', Cc: 'carol@example.org, bob@example.org' }),
    )
    expect(result).toMatchObject({
      recipients: ['bob@example.org', 'carol@example.org'],
      bcc: [],
      isEncrypted: true,
      unsecured: [],
      warnings: [],
    })
    expect(await keyIds(result.message)).toEqual([keyId(bob), keyId(carol), keyId(alice)])
    for (const reader of [alice, bob, carol]) {
      const opened = await read(result.message, reader)
      expect(opened.signatures).not.toBe(null)
      expect(text(opened.content)).toContain('Subject: Lunch\r\n')
    }
    expect(text(result.message)).toContain('\r\nSubject: [...]\r\n')
    expect(text(result.message)).not.toContain('Lunch')
  })

  it('says that the list is out of date by which the recipients were judged, and so does the check', async () => {
    const { agent: online, home } = await aliceWith()
    await online.check(['bob@example.org'])
    const { agent } = await newAgent({ home, clock: frozen(NOW + 7 * 86_400) })
    const warnings = [{ code: 'crl-stale' }]
    expect(await agent.check(['bob@example.org'])).toMatchObject({ recipients: [{ status: 'good' }], warnings })
    expect(await agent.encrypt(written({ To: 'bob@example.org' }))).toMatchObject({ isEncrypted: true, warnings })
  })

  it('leaves the signature out if told so', async () => {
    const { agent } = await aliceWith()
    const { message } = await agent.encrypt(written({ To: 'bob@example.org' }), { sign: false })
    expect((await read(message, bob)).signatures).toBe(null)
  })

  it('is possible to oneself alone', async () => {
    const { agent } = await aliceWith()
    const { message, recipients } = await agent.encrypt(written({ To: 'alice@example.org' }))
    expect(recipients).toEqual(['alice@example.org'])
    expect(await keyIds(message)).toEqual([keyId(alice)])
  })

  it('is for somebody, from oneself', async () => {
    const { agent } = await aliceWith()
    await expect(agent.encrypt(written({}))).rejects.toMatchObject({
      code: 'bad-data',
      message: 'message is for nobody',
    })
    await expect(agent.encrypt(written({ To: 'Bob <bob@example.org> <eve@example.org>' }))).rejects.toMatchObject({
      code: 'bad-data',
      message: "the addresses in the message's to field can't be read",
    })
    await expect(agent.encrypt(written({ From: 'bob@example.org', To: 'bob@example.org' }))).rejects.toMatchObject({
      code: 'untrusted',
      exitCode: 102,
    })
  })

  it('ends with the own certificate', async () => {
    const revoked = await aliceWith({ entries: [[alice]] })
    await expect(revoked.agent.encrypt(written({ To: 'bob@example.org' }))).rejects.toMatchObject({
      code: 'certificate-revoked',
      exitCode: 100,
      message: 'your certificate was revoked on 2026-09-21',
    })
    const later = await newAgent({ home: revoked.home, clock: frozen(alice.key.validTo) })
    const { home } = await aliceWith()
    const expired = await newAgent({ home, clock: frozen(alice.key.validTo) })
    await expect(expired.agent.encrypt(written({ To: 'bob@example.org' }))).rejects.toMatchObject({
      code: 'certificate-expired',
      exitCode: 101,
    })
    // Once seen revoked, revoked for ever.
    await expect(later.agent.encrypt(written({ To: 'bob@example.org' }))).rejects.toMatchObject({ exitCode: 100 })
  })

  it('goes on with a renewed certificate, when the key file still has the one before', async () => {
    const renewed = await organization.renewed(alice, NOW + 400 * 86_400)
    const now = alice.key.validTo + 1000
    const newBob = await organization.renewed(bob, now - 1000)
    const directory = utf8('{"certificates":[],"next":null}')
    const fetch = published({
      [PATHS.crl]: await organization.list({ number: now, at: now }),
      [PATHS.authority]: organization.document.bytes,
      [PATHS.directory]: directory,
      [PATHS.certificates + alice.key.fingerprint]: renewed.certificate,
      [PATHS.certificates + encodeURIComponent('bob@example.org')]: newBob.certificate,
    })
    const { agent } = await enrolledAgent(organization, alice, { fetch, clock: frozen(now) })
    await expect(agent.sign(written({}))).rejects.toMatchObject({ code: 'certificate-expired' })
    await agent.sync()
    expect(readSigned(await agent.sign(written({})))).not.toBe(null)
    const { message } = await agent.encrypt(written({ To: 'bob@example.org' }))
    expect(await keyIds(message)).toEqual([keyId(bob), keyId(alice)])
  })

  it('trusts nobody without a revocation list', async () => {
    const { agent } = await enrolledAgent(organization, alice, { fetch: office(null, everybody) })
    await expect(agent.encrypt(written({ To: 'bob@example.org' }))).rejects.toMatchObject({
      code: 'revocation-list-missing',
      exitCode: 103,
      message: "there is no revocation list, so that nobody's certificate can be trusted",
    })
  })

  it('goes on without the server by what is held here', async () => {
    const { agent, home } = await aliceWith()
    await agent.encrypt(written({ To: 'bob@example.org' }))
    const offline = (await newAgent({ home })).agent
    expect(await keyIds((await offline.encrypt(written({ To: 'bob@example.org' }))).message)).toContain(keyId(bob))
    await expect(offline.encrypt(written({ To: 'carol@example.org' }))).rejects.toMatchObject({ exitCode: 108 })
  })
})

describe('recipients in Bcc', () => {
  it('get a message of their own, and no trace of them is in any other', async () => {
    const { agent } = await aliceWith()
    const letter = written({ To: 'bob@example.org', Bcc: 'carol@example.org, Dave <dave@example.org>' })
    const { message, recipients, bcc } = await agent.encrypt(letter)
    expect(recipients).toEqual(['bob@example.org'])
    expect(bcc.map(({ address }) => address)).toEqual(['carol@example.org', 'dave@example.org'])
    expect(await keyIds(message)).toEqual([keyId(bob), keyId(alice)])
    const copies = new Map([
      [bob, message],
      [carol, bcc[0]?.message],
      [dave, bcc[1]?.message],
    ])
    for (const [reader, copy = new Uint8Array()] of copies) {
      const { content, recipientKeyIds } = await read(copy, reader)
      expect(recipientKeyIds).toEqual([keyId(reader), keyId(alice)])
      for (const bytes of [copy, content, readEncrypted(parseMime(copy))?.sealed]) {
        // Letters alone come up by chance, in armor and boundaries.
        expect(text(bytes)).not.toMatch(/^bcc:|carol@|dave@/im)
      }
      expect(text(content)).toContain('To: bob@example.org\r\n')
    }
  })

  it('are in To if they stand there too', async () => {
    const { agent } = await aliceWith()
    const { bcc } = await agent.encrypt(written({ To: 'bob@example.org', Bcc: 'bob@example.org' }))
    expect(bcc).toEqual([])
  })

  it('can be all there are', async () => {
    const { agent } = await aliceWith()
    const { message, recipients, bcc } = await agent.encrypt(written({ Bcc: 'carol@example.org' }))
    expect([recipients, await keyIds(message), bcc.length]).toEqual([[], [keyId(alice)], 1])
  })
})

describe('recipients without security', () => {
  const mixed = written({
    To: 'Bob <bob@example.org>, "Eve, E" <eve@example.net>',
    Cc: 'carol@example.org, dave@example.org',
  })
  const expectRefusal = (promise: Promise<EncryptResult>, refusal: object) =>
    expect(promise).rejects.toMatchObject(refusal)

  it('stop the message, each named with the reason', async () => {
    const { agent } = await aliceWith({ people: [bob, carol] })
    await expectRefusal(agent.encrypt(mixed), {
      code: 'recipients-unsecured',
      exitCode: 108,
      message: "the message can't be encrypted to eve@example.net (no certificate), dave@example.org (no certificate)",
      hint: 'leave them out: --without-unsecured; or sign only, so that everybody can read it: --in-clear',
    })
  })

  it('stop it with 100 if one of them is revoked', async () => {
    const { agent } = await aliceWith({ people: [bob, carol, dave], entries: [[dave, 'left']] })
    await expectRefusal(agent.encrypt(mixed), {
      code: 'certificate-revoked',
      exitCode: 100,
      message:
        "the message can't be encrypted to eve@example.net (no certificate), dave@example.org (certificate was revoked on 2026-09-21 (left))",
    })
  })

  it('are left out if wanted: of the encryption, of To and of Cc', async () => {
    const { agent } = await aliceWith({ people: [bob, carol, dave], entries: [[dave]] })
    const result = await agent.encrypt(mixed, { unsecured: 'leave-out' })
    expect(result).toMatchObject({
      recipients: ['bob@example.org', 'carol@example.org'],
      isEncrypted: true,
      unsecured: [
        { address: 'eve@example.net', status: 'none' },
        { address: 'dave@example.org', status: 'revoked', serial: dave.serial },
      ],
    })
    expect(await keyIds(result.message)).toEqual([keyId(bob), keyId(carol), keyId(alice)])
    const { content } = await read(result.message, bob)
    for (const bytes of [result.message, content]) {
      expect(text(bytes)).toMatch(/^To: "Bob" <bob@example\.org>\r\nCc: carol@example\.org\r\n/m)
      expect(text(bytes)).not.toMatch(/eve|dave/)
    }
  })

  it('are left out of Bcc as well', async () => {
    const { agent } = await aliceWith({ people: [bob] })
    const letter = written({ To: 'bob@example.org', Bcc: 'eve@example.net' })
    expect((await agent.encrypt(letter, { unsecured: 'leave-out' })).bcc).toEqual([])
  })

  it('are not all left out: then nobody would get it', async () => {
    const { agent } = await aliceWith({ people: [] })
    await expectRefusal(agent.encrypt(written({ To: 'bob@example.org' }), { unsecured: 'leave-out' }), {
      code: 'recipients-unsecured',
      hint: 'sign only, so that everybody can read it: --in-clear',
    })
  })

  it('turn it into a signed message for all if wanted, without a word of Bcc', async () => {
    const { agent } = await aliceWith({ people: [bob] })
    const letter = written({ To: 'bob@example.org, eve@example.net', Bcc: 'carol@example.org' })
    const { message, recipients, bcc, isEncrypted } = await agent.encrypt(letter, { unsecured: 'in-clear' })
    expect([isEncrypted, recipients, bcc.map(({ address }) => address)]).toEqual([
      false,
      ['bob@example.org', 'eve@example.net'],
      ['carol@example.org'],
    ])
    for (const copy of [message, bcc[0]?.message ?? new Uint8Array()]) {
      expect(readSigned(copy)).not.toBe(null)
      expect(text(copy)).not.toMatch(/^bcc:|carol@/im)
    }
  })

  it('have no say where there are none', async () => {
    const { agent } = await aliceWith()
    const { isEncrypted } = await agent.encrypt(written({ To: 'bob@example.org' }), { unsecured: 'in-clear' })
    expect(isEncrypted).toBe(true)
  })

  it('are never all that is left of it: neither signed nor encrypted', async () => {
    const { agent } = await aliceWith()
    await expect(agent.encrypt(mixed, { unsecured: 'in-clear', sign: false })).rejects.toThrow(TypeError)
  })
})

describe('a recipient', () => {
  const check = async (people: readonly Issued[], entries: Parameters<typeof entryOf>[] = [], now = NOW) => {
    const list = await organization.list({ number: now, at: now, entries: entries.map((entry) => entryOf(...entry)) })
    const { agent } = await enrolledAgent(organization, alice, { fetch: office(list, people), clock: frozen(now) })
    return (await agent.check(['bob@example.org'])).recipients[0]
  }

  it('is good with a certificate', async () => {
    expect(await check([bob])).toEqual({
      address: 'bob@example.org',
      status: 'good',
      serial: bob.serial,
      reason: null,
      since: null,
    })
  })

  it('who was replaced is fetched anew, and the old key is used no more', async () => {
    let list = await organization.list()
    let people = [bob]
    const fetch: typeof globalThis.fetch = (input, init) => office(list, people)(input, init)
    const { agent } = await enrolledAgent(organization, alice, { fetch })
    expect(await keyIds((await agent.encrypt(written({ To: 'bob@example.org' }))).message)).toContain(keyId(bob))
    const newBob = await organization.issue('bob@example.org', { validFrom: NOW + 1 })
    list = await organization.list({ number: NOW + 2, entries: [entryOf(bob, 'replaced')] })
    people = [newBob]
    const ids = await keyIds((await agent.encrypt(written({ To: 'bob@example.org' }))).message)
    expect(ids).toEqual([keyId(newBob), keyId(alice)])
  })

  it('is revoked by what the published certificate says itself', async () => {
    const certificate = await organization.ended(bob, 'left')
    expect(await check([{ ...bob, certificate }])).toMatchObject({ status: 'revoked', reason: 'left' })
  })

  it('is expired when it is', async () => {
    const { validTo } = bob.key
    expect(await check([bob], [], validTo - 1)).toMatchObject({ status: 'good' })
    expect(await check([bob], [], validTo)).toMatchObject({ status: 'expired', serial: bob.serial, since: validTo })
  })

  it('of another organization, or of another address, is none', async () => {
    const other = await (await makeOrganization()).issue('bob@example.org')
    expect(await check([other])).toMatchObject({ status: 'none', reason: 'no-certificate' })
    expect(await check([{ ...carol, address: 'bob@example.org' }])).toMatchObject({ status: 'none' })
  })

  it('is none whose subkey was revoked', async () => {
    const certificate = Uint8Array.from([...bob.certificate, ...bob.key.subkeyRevocation])
    expect(await check([{ ...bob, certificate }])).toMatchObject({ status: 'none', reason: 'no-encryption-key' })
  })

  it('is asked for by an address', async () => {
    const { agent } = await aliceWith()
    await expect(agent.check(['bob'])).rejects.toMatchObject({
      code: 'bad-data',
      message: 'this is not an e-mail address',
    })
  })
})
