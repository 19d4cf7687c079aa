import { utf8 } from '@mailseal/common'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { office } from '../../packages/agent/test/mail/office.ts'
import {
  enrolledAgent,
  frozen,
  type Issued,
  makeOrganization,
  NOW,
  PASSWORD,
} from '../../packages/agent/test/organization.ts'
import { type Gnupg, makeGnupg } from '../support/gnupg.ts'
import { withLf } from './mail.ts'

/*
 * Mail of the shapes in which other programs write it, from a colleague who uses the key that the agent exported. They all
 * have GnuPG, or the library of Thunderbird, do the cryptography.
 */

const organization = await makeOrganization()
const [alice, bob] = (await Promise.all(['alice', 'bob'].map((name) => organization.issue(`${name}@example.org`)))) as [
  Issued,
  Issued,
]
let gpg: Gnupg

beforeAll(async () => {
  gpg = await makeGnupg({ passphrase: PASSWORD })
  for (const { key } of [alice, bob]) await gpg(['--import'], key.secretKey)
})
afterAll(() => gpg?.end())

async function gnupg(args: readonly string[], input: Uint8Array): Promise<string> {
  const at = new Date(NOW * 1000).toISOString().replace(/[-:]|\.\d+Z/g, '')
  const always = ['--faked-system-time', `${at}!`, '--trust-model', 'always', '--local-user', 'alice@example.org']
  const { exitCode, stdout, stderr } = await gpg([...always, '--armor', '--output', '-', ...args], input)
  expect(exitCode, stderr).toBe(0)
  return stdout.replaceAll('\n', '\r\n')
}

const sealed = (entity: string, ...options: string[]) =>
  gnupg([...options, '--recipient', 'bob@example.org', '--sign', '--encrypt'], utf8(entity))
const signature = (entity: string, ...options: string[]) => gnupg([...options, '--detach-sign'], utf8(entity))

const crlf = (...lines: string[]) => lines.join('\r\n')
const PEOPLE = ['From: Alice <alice@example.org>', 'To: bob@example.org']

async function openedByBob(message: Uint8Array) {
  const list = await organization.list()
  const { agent } = await enrolledAgent(organization, bob, { fetch: office(list, [alice, bob]), clock: frozen(NOW) })
  return agent.open(message)
}

const SEALED_WELL = {
  summary: 'confidential+verified',
  signature: { status: 'good', address: 'alice@example.org', serial: alice.serial },
  recipients: [{ address: 'bob@example.org', status: 'good' }],
  warnings: [],
  from: 'alice@example.org',
  exitCode: 0,
}
const SIGNED_WELL = {
  summary: 'verified',
  signature: { status: 'good', address: 'alice@example.org' },
  warnings: [],
  from: 'alice@example.org',
  exitCode: 0,
}

/** Thunderbird's outside, with the words for people who have no OpenPGP. */
const aroundThunderbird = (armor: string) =>
  crlf(
    'Message-ID: <4e1f@example.org>',
    'Date: Mon, 21 Sep 2026 14:13:20 +0000',
    'MIME-Version: 1.0',
    'User-Agent: Mozilla Thunderbird',
    'Content-Language: en-US',
    ...PEOPLE,
    'Subject: ...',
    'Content-Type: multipart/encrypted;',
    ' protocol="application/pgp-encrypted";',
    ' boundary="------------0Kj9PmV9mWl0Xc1U4LQ7S5aY"',
    '',
    'This is an OpenPGP/MIME encrypted message (RFC 4880 and 3156)',
    '--------------0Kj9PmV9mWl0Xc1U4LQ7S5aY',
    'Content-Type: application/pgp-encrypted',
    'Content-Description: PGP/MIME version identification',
    '',
    'Version: 1',
    '',
    '--------------0Kj9PmV9mWl0Xc1U4LQ7S5aY',
    'Content-Type: application/octet-stream; name="encrypted.asc"',
    'Content-Description: OpenPGP encrypted message',
    'Content-Disposition: inline; filename="encrypted.asc"',
    '',
    armor,
    '--------------0Kj9PmV9mWl0Xc1U4LQ7S5aY--',
    '',
  )

/** What it encrypts or signs: the letter, and the key of whoever wrote it. */
const insideThunderbird = (protection: string, ...fields: string[]) =>
  crlf(
    `Content-Type: multipart/mixed; boundary="------------outer";`,
    ` ${protection}`,
    'Message-ID: <4e1f@example.org>',
    'Date: Mon, 21 Sep 2026 14:13:20 +0000',
    ...PEOPLE,
    'Subject: =?UTF-8?Q?Gr=C3=BC=C3=9Fe?=',
    ...fields,
    '',
    '--------------outer',
    'Content-Type: multipart/mixed; boundary="------------inner"',
    '',
    '--------------inner',
    'Content-Type: text/plain; charset=UTF-8; format=flowed',
    'Content-Transfer-Encoding: base64',
    '',
    Buffer.from('Schöne Grüße!').toString('base64'),
    '',
    '--------------inner',
    'Content-Type: application/pgp-keys; name="OpenPGP_0x0123456789ABCDEF.asc"',
    'Content-Disposition: attachment; filename="OpenPGP_0x0123456789ABCDEF.asc"',
    'Content-Description: OpenPGP public key',
    'Content-Transfer-Encoding: quoted-printable',
    '',
    '-----BEGIN PGP PUBLIC KEY BLOCK-----',
    '=20',
    '-----END PGP PUBLIC KEY BLOCK-----',
    '--------------inner--',
    '',
    '--------------outer--',
    '',
  )

describe('Thunderbird', () => {
  it.each([
    ['with the protected headers of old', insideThunderbird('protected-headers="v1"')],
    [
      'with those of RFC 9788',
      insideThunderbird('hp="cipher"', 'HP-Outer: From: Alice <alice@example.org>', 'HP-Outer: Subject: ...'),
    ],
  ])('encrypted and signed, %s', async (_, entity) => {
    const opened = await openedByBob(utf8(aroundThunderbird(await sealed(entity))))
    expect(opened).toMatchObject({ ...SEALED_WELL, subject: 'Grüße', isSubjectCovered: true, text: 'Schöne Grüße!' })
  })

  it('signed', async () => {
    const entity = insideThunderbird('protected-headers="v1"')
    const message = crlf(
      ...PEOPLE,
      'Subject: =?UTF-8?Q?Gr=C3=BC=C3=9Fe?=',
      'Content-Type: multipart/signed; micalg=pgp-sha256;',
      ' protocol="application/pgp-signature";',
      ' boundary="------------signed"',
      '',
      'This is an OpenPGP/MIME signed message (RFC 4880 and 3156)',
      '--------------signed',
      entity,
      '--------------signed',
      'Content-Type: application/pgp-signature; name="OpenPGP_signature.asc"',
      'Content-Description: OpenPGP digital signature',
      'Content-Disposition: attachment; filename="OpenPGP_signature.asc"',
      '',
      await signature(entity, '--digest-algo', 'SHA256'),
      '--------------signed--',
      '',
    )
    const opened = await openedByBob(utf8(message))
    expect(opened).toMatchObject({ ...SIGNED_WELL, subject: 'Grüße', isSubjectCovered: true, text: 'Schöne Grüße!' })
  })
})

describe('Enigmail', () => {
  it.each(['text/plain', 'text/rfc822-headers'])(
    'with a copy of the subject for older programs as %s, which is not shown twice',
    async (type) => {
      const entity = crlf(
        'Content-Type: multipart/mixed; boundary="enigmail"; protected-headers="v1"',
        'From: Alice <alice@example.org>',
        'Subject: Lunch',
        '',
        '--enigmail',
        `Content-Type: ${type}; charset="utf-8"; protected-headers="v1"`,
        'Content-Disposition: inline',
        '',
        'Subject: Lunch',
        '',
        '--enigmail',
        'Content-Type: text/plain; charset=utf-8',
        'Content-Transfer-Encoding: quoted-printable',
        '',
        'At noon? Gr=C3=BC=C3=9Fe',
        '',
        '--enigmail--',
        '',
      )
      const opened = await openedByBob(utf8(aroundThunderbird(await sealed(entity))))
      expect(opened).toMatchObject({ ...SEALED_WELL, subject: 'Lunch', text: 'At noon? Grüße\n' })
    },
  )
})

describe('Apple Mail with GPG Mail', () => {
  it('encrypted and signed, with a picture in HTML', async () => {
    const entity = crlf(
      'Content-Type: multipart/alternative;',
      '\tboundary="Apple-Mail=_A1"',
      '',
      '',
      '--Apple-Mail=_A1',
      'Content-Transfer-Encoding: quoted-printable',
      'Content-Type: text/plain;',
      '\tcharset=utf-8',
      '',
      'Gr=C3=BC=C3=9Fe',
      '',
      '--Apple-Mail=_A1',
      'Content-Type: multipart/related;',
      '\ttype="text/html";',
      '\tboundary="Apple-Mail=_B2"',
      '',
      '',
      '--Apple-Mail=_B2',
      'Content-Transfer-Encoding: 7bit',
      'Content-Type: text/html;',
      '\tcharset=us-ascii',
      '',
      '<html><body>Gr&uuml;&szlig;e <img src="cid:picture"></body></html>',
      '--Apple-Mail=_B2',
      'Content-Transfer-Encoding: base64',
      'Content-Type: image/png',
      'Content-Id: <picture>',
      '',
      'iVBORw0KGgo=',
      '',
      '--Apple-Mail=_B2--',
      '',
      '--Apple-Mail=_A1--',
      '',
    )
    const message = crlf(
      'From: Alice <alice@example.org>',
      'Content-Type: multipart/encrypted;',
      '\tboundary="Apple-Mail=_C3";',
      '\tprotocol="application/pgp-encrypted"',
      'Subject: Lunch',
      'Mime-Version: 1.0 (Mac OS X Mail 16.0 \\(3774.600.62\\))',
      'To: bob@example.org',
      'Content-Transfer-Encoding: 7bit',
      '',
      'This is an OpenPGP/MIME encrypted message (RFC 2440 and 3156)',
      '--Apple-Mail=_C3',
      'Content-Transfer-Encoding: 7bit',
      'Content-Type: application/pgp-encrypted',
      'Content-Description: PGP/MIME Versions Identification',
      '',
      'Version: 1',
      '',
      '--Apple-Mail=_C3',
      'Content-Transfer-Encoding: 7bit',
      'Content-Disposition: inline;',
      '\tfilename=encrypted.asc',
      'Content-Type: application/octet-stream;',
      '\tname=encrypted.asc',
      'Content-Description: OpenPGP encrypted message',
      '',
      await sealed(entity),
      '--Apple-Mail=_C3--',
      '',
    )
    const opened = await openedByBob(utf8(message))
    expect(opened).toMatchObject({ ...SEALED_WELL, subject: 'Lunch', isSubjectCovered: false, text: 'Grüße\n' })
  })
})

describe('mutt, which keeps mail in LF', () => {
  const entity = crlf(
    'Content-Type: text/plain; charset=utf-8; protected-headers=v1',
    'Content-Disposition: inline',
    'Content-Transfer-Encoding: 8bit',
    'Subject: Lunch',
    '',
    'Grüße, trailing blank ',
    '-- ',
    'Alice',
    '',
  )

  it.each([
    ['as text', ['--textmode']],
    ['to a recipient who is not named', ['--textmode', '--throw-keyids']],
    ['without compression', ['--textmode', '--compress-algo', 'none']],
  ])('encrypted and signed, %s', async (_, options) => {
    const armor = await sealed(entity.replaceAll('\r\n', '\n'), ...options)
    const message = crlf(
      ...PEOPLE,
      'Subject: ...',
      'MIME-Version: 1.0',
      'Content-Type: multipart/encrypted; protocol="application/pgp-encrypted";',
      '\tboundary="mutt"',
      'Content-Disposition: inline',
      '',
      '',
      '--mutt',
      'Content-Type: application/pgp-encrypted',
      'Content-Disposition: attachment',
      '',
      'Version: 1',
      '',
      '--mutt',
      'Content-Type: application/octet-stream',
      'Content-Disposition: attachment; filename="msg.asc"',
      '',
      armor,
      '--mutt--',
      '',
    )
    const isHidden = options.includes('--throw-keyids')
    const recipients = [isHidden ? { address: null, status: 'none' } : { address: 'bob@example.org', status: 'good' }]
    expect(await openedByBob(withLf(utf8(message)))).toMatchObject({
      ...SEALED_WELL,
      recipients,
      subject: 'Lunch',
      text: 'Grüße, trailing blank \n-- \nAlice\n',
    })
  })

  it('signed, with blanks at the end of lines', async () => {
    const message = crlf(
      ...PEOPLE,
      'Subject: Lunch',
      'MIME-Version: 1.0',
      'Content-Type: multipart/signed; micalg=pgp-sha512;',
      '\tprotocol="application/pgp-signature"; boundary="mutt"',
      'Content-Disposition: inline',
      '',
      '',
      '--mutt',
      entity,
      '--mutt',
      'Content-Type: application/pgp-signature; name="signature.asc"',
      '',
      await signature(entity, '--textmode'),
      '--mutt--',
      '',
    )
    expect(await openedByBob(withLf(utf8(message)))).toMatchObject({ ...SIGNED_WELL, subject: 'Lunch' })
  })
})

describe('a text that is encrypted within its message', () => {
  it.each([
    ['utf-8', 'Grüße'],
    ['iso-8859-1', 'Gr\xfc\xdfe'],
  ])('in %s', async (charset, text) => {
    const bytes = Buffer.from(`${text}\r\n`, charset === 'utf-8' ? 'utf8' : 'latin1')
    const armor = await gnupg(['--recipient', 'bob@example.org', '--sign', '--encrypt'], bytes)
    const message = crlf(...PEOPLE, 'Subject: Lunch', `Content-Type: text/plain; charset=${charset}`, '', armor)
    expect(await openedByBob(utf8(message))).toMatchObject({ ...SEALED_WELL, subject: 'Lunch', text: 'Grüße\n' })
  })
})
