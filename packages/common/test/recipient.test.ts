import { describe, expect, it } from 'vitest'
import type { EvaluatedCertificate } from '../src/certificate/index.ts'
import { SPANS } from '../src/limits.ts'
import { judgeRecipient, type RecipientOptions } from '../src/recipient.ts'

const NOW = 1_790_000_000
const certification = (serial: string, validFrom: number, validTo: number) => ({
  serial,
  authority: 'ca',
  validFrom,
  validTo,
})
const SERIALS = [certification('a1', NOW - 1000, NOW + 1000)]

function judged(options: Partial<RecipientOptions> = {}, certifications = SERIALS) {
  const certificate = { address: 'bob@example.org', certifications } as unknown as EvaluatedCertificate
  const defaults = { address: 'bob@example.org', revocations: [], now: NOW, usedAt: Number.POSITIVE_INFINITY }
  const { status, reason, since, serial } = judgeRecipient(certificate, { ...defaults, ...options })
  return [status, reason, since, serial]
}

const revocation = (reason: string, at: number) => ({ reason, at })

describe('a recipient', () => {
  it('is good while a certification holds', () => {
    expect(judged()).toEqual(['good', null, null, 'a1'])
    expect(judged({ now: NOW - 1000 - SPANS.clockTolerance })).toEqual(['good', null, null, 'a1'])
    expect(judged({ now: NOW + 999 })[0]).toBe('good')
    expect(judged({ now: NOW + 1000 })).toEqual(['expired', null, NOW + 1000, 'a1'])
    expect(judged({ now: NOW - 1001 - SPANS.clockTolerance })[0]).toBe('expired')
  })

  it('is good by a renewal, under its serial number', () => {
    const renewed = [certification('b2', NOW, NOW + 5000), ...SERIALS]
    expect(judged({ now: NOW + 4999 }, renewed)).toEqual(['good', null, null, 'b2'])
  })

  it('is none without a certification, or of another address', () => {
    expect(judged({}, [])).toEqual(['none', 'uncertified', null, null])
    expect(judged({ address: 'Bob@example.org' })).toEqual(['none', 'mismatch', null, 'a1'])
  })

  it('is revoked by anything that revokes the key, also if it comes to be expired', () => {
    expect(judged({ revocations: [revocation('compromised', NOW - 5)] })).toEqual([
      'revoked',
      'compromised',
      NOW - 5,
      'a1',
    ])
    expect(judged({ revocations: [revocation('left', NOW - 5)], now: NOW + 5000 })[0]).toBe('revoked')
  })

  it('is revoked by a replacement for whoever writes, and not for what was written before it', () => {
    const revocations = [revocation('replaced', NOW - 5)]
    expect(judged({ revocations })).toEqual(['revoked', 'replaced', NOW - 5, 'a1'])
    expect(judged({ revocations, usedAt: NOW - 5 })[0]).toBe('revoked')
    expect(judged({ revocations, usedAt: NOW - 6 })).toEqual(['expired', 'replaced', NOW - 5, 'a1'])
    expect(judged({ revocations, usedAt: null })[0]).toBe('expired')
  })

  it('is revoked for the worse of two reasons', () => {
    const revocations = [revocation('replaced', NOW - 9), revocation('compromised', NOW - 5)]
    expect(judged({ revocations, usedAt: NOW - 20 })).toEqual(['revoked', 'compromised', NOW - 5, 'a1'])
  })
})
