import { describe, expect, it } from 'vitest'
import { parseMime } from '../../src/mime/index.ts'
import { isHeaderProtected, readEncrypted } from '../../src/pgp-mime/index.ts'
import { composeSealed } from './armor.ts'

const LETTER = `Date: Mon, 21 Sep 2026 14:13:20 +0000
From: Alice <alice@example.org>
To: bob@example.org
Bcc: secret.friend@example.org
Resent-Bcc: secret.friend@example.org
SUBJECT: Merger
 on Monday
Comments: about the merger
Keywords: merger
Message-ID: <1@example.org>
HP-Outer: Subject: forged
MIME-Version: 1.0
Content-Type: text/html; charset=utf-8;
Content-Language: de

<p>At noon?</p>
`

describe('an encrypted message', () => {
  it('has all its fields inside, and outside those that do no harm', async () => {
    const { composedText, payloadText } = await composeSealed(LETTER)
    const [outside = ''] = composedText.split('\r\n\r\n')
    expect(outside.replace(/=_mailseal_[0-9a-f]{32}/, 'BOUNDARY').split('\r\n')).toEqual([
      'Date: Mon, 21 Sep 2026 14:13:20 +0000',
      'From: Alice <alice@example.org>',
      'To: bob@example.org',
      'Subject: [...]',
      'Message-ID: <1@example.org>',
      'MIME-Version: 1.0',
      'Content-Type: multipart/encrypted; protocol="application/pgp-encrypted";',
      ' boundary="BOUNDARY"',
    ])
    expect(payloadText.split('\r\n')).toEqual([
      'Date: Mon, 21 Sep 2026 14:13:20 +0000',
      'From: Alice <alice@example.org>',
      'To: bob@example.org',
      'SUBJECT: Merger',
      ' on Monday',
      'Comments: about the merger',
      'Keywords: merger',
      'Message-ID: <1@example.org>',
      'HP-Outer: Date: Mon, 21 Sep 2026 14:13:20 +0000',
      'HP-Outer: From: Alice <alice@example.org>',
      'HP-Outer: To: bob@example.org',
      'HP-Outer: Subject: [...]',
      'HP-Outer: Message-ID: <1@example.org>',
      'Content-Type: text/html; charset=utf-8;',
      ' hp="cipher"',
      'Content-Language: de',
      '',
      '<p>At noon?</p>',
      '',
    ])
    expect(isHeaderProtected(parseMime(new TextEncoder().encode(payloadText)))).toBe(true)
  })

  it('is of exactly two parts, ASCII, without a word of its content', async () => {
    const { composed, composedText, read } = await composeSealed(LETTER)
    expect(parseMime(composed).children.map(({ contentType }) => contentType.type)).toEqual([
      'application/pgp-encrypted',
      'application/octet-stream',
    ])
    expect(read?.kind).toBe('mime')
    expect(composedText).toMatch(/^(?:[\t\x20-\x7e]{0,998}\r\n)*$/)
    expect(composedText).not.toMatch(/merger|noon|friend/i)
  })

  it('gets a Content-Type where it has none', async () => {
    const { payloadText } = await composeSealed('From: a@example.org\n\nAt noon?\n')
    expect(payloadText).toContain('\r\nContent-Type: text/plain; charset=us-ascii;\r\n hp="cipher"\r\n\r\nAt noon?')
  })

  it('keeps fields of raw UTF-8, and long ones within a line', async () => {
    const long = `X-Long: ${'x'.repeat(980)}`
    const { payloadText, composedText } = await composeSealed(
      `From: a@example.org\nX-A: ü\n${long}\nSubject: Grün\n\nHi\n`,
    )
    expect(payloadText).toContain('\r\nSubject: Grün\r\n')
    expect(payloadText).toContain(`HP-Outer:\r\n ${long}\r\n`)
    expect(composedText).not.toContain('Grün')
  })

  it.each([
    ['', 'message is empty'],
    ['Subject: no author\n\nHi\n', 'message has no single From address'],
    ['From: a@example.org\nContent-Type: multipart/signed; boundary=b\n\n', 'message is already signed'],
    ['From: a@example.org\nContent-Type: multipart/encrypted; boundary=b\n\n', 'message is already encrypted'],
    [
      'From: a@example.org\nContent-Type: text/plain; hp="clear"\n\nHi\n',
      "message's Content-Type can't be extended so that its headers are protected",
    ],
    [
      'From: a@example.org\nContent-Type: text/plain (open comment\n\nHi\n',
      "message's Content-Type can't be extended so that its headers are protected",
    ],
  ])('is not made of %j', async (message, fault) => {
    await expect(composeSealed(message)).rejects.toMatchObject({ code: 'bad-data', message: fault })
  })

  it('is not made of one that would be too large for every reader', async () => {
    const lines = `${'x'.repeat(76)}\n`.repeat(700_000)
    await expect(composeSealed(`From: a@example.org\n\n${lines}`)).rejects.toMatchObject({ code: 'too-large' })
  })
})

describe('what is only text', () => {
  it('is no encrypted message', () => {
    expect(readEncrypted(parseMime(new TextEncoder().encode(LETTER)))).toBe(null)
  })
})
