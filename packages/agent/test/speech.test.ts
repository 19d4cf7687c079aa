import { UNSIGNED } from '@mailseal/common/verdict'
import { expect, it } from 'vitest'
import type { Verification } from '../src/mail/verify.ts'
import { listText, verificationText } from '../src/speech.ts'
import { NOW } from './organization.ts'

const GOOD: Verification = {
  summary: 'verified',
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
  warnings: [],
  exitCode: 0,
  subject: 'Lunch',
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
