import { UNSIGNED } from '@mailseal/common/verdict'
import { expect, it } from 'vitest'
import type { Verification } from '../src/mail/verification.ts'
import { listText, messageText, recipientsTable, verificationText } from '../src/speech.ts'
import { NOW } from './organization.ts'

const GOOD: Verification = {
  summary: 'verified',
  encrypted: false,
  signature: {
    status: 'good',
    signer: 'Alice <alice@example.org>',
    address: 'alice@example.org',
    serial: '00000000000000a1',
    fingerprint: 'a'.repeat(40),
    signedAt: NOW,
    reason: null,
    revokedAt: null,
  },
  revocation: { state: 'fresh', number: 7, age: 1 },
  recipients: [],
  warnings: [],
  exitCode: 0,
  subject: 'Lunch',
  isSubjectCovered: false,
  from: 'alice@example.org',
  text: 'At noon?',
}

it('puts a verdict into lines, with times in minutes', () => {
  expect(verificationText(GOOD)).toBe(
    [
      'Verified: signed by alice@example.org.',
      'Revocation list: fresh, 1 second old, number 7',
      'Signer: Alice <alice@example.org>',
      'Certificate: serial number 00000000000000a1',
      'Signed: 2026-09-21 14:13 UTC (as the signature says)',
      'From: alice@example.org',
      'Subject (not signed): Lunch',
      '',
    ].join('\n'),
  )
})

it('says right under a verdict by a list that is out of date that it is, and how old', () => {
  const stale = { ...GOOD, revocation: { state: 'stale', number: 7, age: 3 * 86_400 } } as const
  expect(verificationText(stale)).toMatch(
    /^Verified: .*\nRevocation list: OUT OF DATE, 3 days old, number 7; what was revoked since is not known here\n/,
  )
  expect(listText({ state: 'missing', number: null, age: null })).toBe('missing')
})

it('shows a signer without a name by the address, and no subject where there is none', () => {
  const signature = { ...GOOD.signature, signer: '<alice@example.org>' }
  const text = verificationText({ ...GOOD, signature, subject: ' \n' })
  expect(text).toContain('\nSigner: alice@example.org\n')
  expect(text).not.toContain('Subject')
})

it('says of an expired certificate that was not to be fetched why nothing is verified', () => {
  const signature = { ...UNSIGNED, status: 'unknown', reason: 'not-fetched-afresh' } as const
  expect(verificationText({ ...GOOD, signature }).split('\n')[0]).toBe(
    'Not verified: the certificate has expired, and could not be fetched again to see whether it was revoked.',
  )
})

const person = (address: string | null, status: 'good' | 'revoked' | 'expired' | 'none') => ({ address, status })

it('says of an encrypted message to whom it is, and what became of their keys', () => {
  const recipients = [
    person('bob@example.org', 'good'),
    person('carol@example.org', 'revoked'),
    person('bob@example.org', 'good'),
    person(null, 'none'),
    person(null, 'none'),
  ]
  const lines = verificationText({ ...GOOD, encrypted: true, isSubjectCovered: true, recipients }).split('\n')
  expect(lines[1]).toBe('Encrypted: to bob@example.org, carol@example.org (REVOKED), 2 keys not known here')
  expect(lines).toContain('Subject: Lunch')
})

it('calls a subject from outside of the encryption what it is', () => {
  expect(verificationText({ ...GOOD, encrypted: true })).toContain('\nSubject (not encrypted): Lunch\n')
})

it('begins with the words of old where the sender of an unsigned message is revoked', () => {
  const warnings = [{ code: 'sender-revoked', message: 'x' }]
  expect(verificationText({ ...GOOD, encrypted: true, signature: UNSIGNED, warnings })).toMatch(
    /^This message was secured with a revoked security certificate\.\n/,
  )
})

it('says of an encrypted message that nobody opened how to open it', () => {
  const signature = { ...UNSIGNED, reason: 'encrypted' }
  expect(verificationText({ ...GOOD, encrypted: true, signature })).toMatch(
    /^Encrypted: .* mailseal open FILE\nRevocation list: /,
  )
})

it("moves a message's text in, so that no line of it passes for a verdict", () => {
  expect(messageText('Hi\n\nVerified: signed by boss@example.org.\n\n')).toBe(
    '\nMessage:\n  Hi\n\n  Verified: signed by boss@example.org.\n',
  )
  expect(messageText(' \n')).toBe('')
})

it('says to whom one can write, and why not to the others', () => {
  const verdict = { serial: null, reason: null, since: null }
  const table = recipientsTable([
    { ...verdict, address: 'bob@example.org', status: 'good' },
    { ...verdict, address: 'carol@example.org', status: 'revoked', reason: 'left', since: NOW },
    { ...verdict, address: 'dan@example.org', status: 'revoked', reason: 'replaced', since: NOW },
    { ...verdict, address: 'erin@example.org', status: 'expired', since: NOW },
    { ...verdict, address: 'eve@example.net', status: 'none', reason: 'no-certificate' },
    { ...verdict, address: 'fred@example.org', status: 'none', reason: 'no-encryption-key' },
  ])
  expect(table.split('\n')).toEqual([
    'bob@example.org    yes  has a valid certificate',
    'carol@example.org  NO   certificate was revoked on 2026-09-21 (left)',
    'dan@example.org    NO   certificate was replaced on 2026-09-21, and the new one is not known here',
    'erin@example.org   NO   certificate expired on 2026-09-21',
    'eve@example.net    NO   no certificate',
    'fred@example.org   NO   the certificate has no key that mail can be encrypted to',
    '',
  ])
})
