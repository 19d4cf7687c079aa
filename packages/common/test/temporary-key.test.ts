import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { systemRandom, toHex } from '../src/index.ts'
import {
  deriveTemporaryKeySecrets,
  formatTemporaryKey,
  generateTemporaryKey,
  parseTemporaryKey,
} from '../src/temporary-key.ts'

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const secret = fc.uint8Array({ minLength: 15, maxLength: 15 })

function mistyped(text: string): boolean {
  try {
    parseTemporaryKey(text)
    return false
  } catch (error) {
    expect(error).toMatchObject({ code: 'temporary-key-mistyped' })
    return true
  }
}

describe('a temporary key', () => {
  it('comes back from what people type', () => {
    fc.assert(
      fc.property(secret, (bytes) => {
        const key = formatTemporaryKey(bytes)
        expect(key).toMatch(/^(?:[0-9A-HJKMNP-TV-Z]{5}-){4}[0-9A-HJKMNP-TV-Z]{5}$/)
        const typed = ` ${key.toLowerCase().replaceAll('0', 'o').replaceAll('1', 'l').replaceAll('-', ' ')}\n`
        expect(parseTemporaryKey(key)).toEqual(new Uint8Array(bytes))
        expect(parseTemporaryKey(typed)).toEqual(new Uint8Array(bytes))
      }),
    )
  })

  it('is noticed as mistyped after any single substitution and any swap of two', () => {
    const key = formatTemporaryKey(systemRandom(15)).replaceAll('-', '')
    for (let i = 0; i < key.length; i++) {
      for (const other of ALPHABET) {
        if (other !== key[i]) expect(mistyped(key.slice(0, i) + other + key.slice(i + 1))).toBe(true)
      }
      for (let j = i + 1; j < key.length; j++) {
        if (key[i] === key[j]) continue
        const swapped = [...key]
        ;[swapped[i], swapped[j]] = [swapped[j] as string, swapped[i] as string]
        expect(mistyped(swapped.join(''))).toBe(true)
      }
    }
  })

  it('says what is wrong without repeating what was typed', () => {
    expect(() => parseTemporaryKey('7K2QF')).toThrow('the temporary key has 5 characters instead of 25')
    expect(() => parseTemporaryKey('7K2QU-')).toThrow('the temporary key has a character that no temporary key has')
    expect(() => parseTemporaryKey(`${'0'.repeat(24)}1`)).toThrow('the temporary key is mistyped')
  })

  it('has the check symbol that DESIGN defines', () => {
    // Sum of 2^i d(i) over GF(32) with x^5 + x^2 + 1, worked out by hand: d(0) = 1 alone weighs 1, so
    // 2^24 d(24) = 1 and d(24) = 2^-24 = 2^7 = 2^5 * 2^2 = (x^2 + 1) x^2 = x^4 + x^2 = 20.
    const bytes = new Uint8Array(15)
    bytes[0] = 0b00001_000
    expect(formatTemporaryKey(bytes)).toBe('10000-00000-00000-00000-0000M')
    expect(ALPHABET.indexOf('M')).toBe(20)
  })

  it('turns into three secrets that do not show each other', () => {
    const { psk, pskId, macKey } = deriveTemporaryKeySecrets(new Uint8Array(15))
    expect(new Set([psk, pskId, macKey].map(toHex)).size).toBe(3)
    expect([psk.length, pskId.length, macKey.length]).toEqual([32, 32, 32])
    expect(deriveTemporaryKeySecrets(new Uint8Array(15)).psk).toEqual(psk)
  })

  it('is made of all the randomness it is given', () => {
    expect(generateTemporaryKey((length) => new Uint8Array(length).fill(255))).toMatch(
      /^ZZZZZ-ZZZZZ-ZZZZZ-ZZZZZ-ZZZZ.$/,
    )
  })
})
