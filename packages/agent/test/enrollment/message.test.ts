import { generateTemporaryKey, systemRandom, toBase64url, utf8 } from '@mailseal/common'
import { ATTACHMENT, writeAttachment } from '@mailseal/common/offer'
import { describe, expect, it } from 'vitest'
import { readEnrollmentMessage } from '../../src/index.ts'

const OFFER = { offer: utf8('offer'), mac: new Uint8Array(32).fill(5) }
const AUTHORITY = utf8('authority')
const content = Buffer.from(writeAttachment(OFFER, AUTHORITY)).toString('base64')
const attachment = (type: string = ATTACHMENT.contentType) =>
  `Content-Type: ${type}\r\nContent-Disposition: attachment; filename="${ATTACHMENT.filename}"\r\nContent-Transfer-Encoding: base64\r\n\r\n${content}`
const text = (body: string) => `Content-Type: text/plain; charset=utf-8\r\n\r\n${body}`

function message(...parts: string[]) {
  const body = parts.map((part) => `--b\r\n${part}\r\n`).join('')
  return utf8(
    `From: km@example.org\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n${body}--b--\r\n`,
  )
}

const KEY = generateTemporaryKey(systemRandom)
const OTHER = generateTemporaryKey(systemRandom)

describe('an enrollment message', () => {
  it('gives its attachment and the temporary key in its text', () => {
    const invitation = readEnrollmentMessage(message(text(`Your key:\r\n\r\n    ${KEY}\r\n`), attachment()))
    expect(invitation).toEqual({ offer: OFFER.offer, mac: OFFER.mac, authority: AUTHORITY, temporaryKey: KEY })
  })

  it('is read also where a gateway forgot the type of the attachment', () => {
    const { offer } = readEnrollmentMessage(message(text('Hello'), attachment('application/octet-stream')))
    expect(toBase64url(offer)).toBe(toBase64url(OFFER.offer))
  })

  it.each([
    ['no key', 'Hello', null],
    ['one key twice', `${KEY} or ${KEY}`, KEY],
    ['two keys', `${KEY} or ${OTHER}`, null],
    ['a key and what only looks like one', `${KEY} AAAAA-BBBBB-CCCCC-DDDDD-EEEEE`, KEY],
    ['a mistyped key', `${KEY.slice(0, -1)}${KEY.endsWith('0') ? '1' : '0'}`, expect.not.stringMatching(KEY)],
  ])('with %s in its text', (_what, body, found) => {
    expect(readEnrollmentMessage(message(text(body), attachment())).temporaryKey).toEqual(found)
  })

  it('without the attachment, or with two, is none', () => {
    expect(() => readEnrollmentMessage(message(text(KEY)))).toThrow('the message has no enrollment attachment')
    const twice = message(attachment(), attachment())
    expect(() => readEnrollmentMessage(twice)).toThrow('the message has more than one enrollment attachment')
  })

  it('too large is refused before it is read', () => {
    expect(() => readEnrollmentMessage(new Uint8Array(300_000))).toThrow(expect.objectContaining({ code: 'too-large' }))
  })
})
