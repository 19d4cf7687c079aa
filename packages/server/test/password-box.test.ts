import { systemRandom } from '@mailseal/common'
import { describe, expect, it } from 'vitest'
import { ARGON2_PARAMETERS, openUnderPassword, parametersOf, sealUnderPassword } from '../src/password-box.ts'
import { CHEAP_ARGON2 } from './cheap-argon2.ts'

const secret = new TextEncoder().encode('a secret')
const sealIt = (password: string, argon2 = CHEAP_ARGON2) =>
  sealUnderPassword(password, 'label', secret, { random: systemRandom, argon2 })

describe('password box', () => {
  it('opens with the password, however its accents were typed, and with no other', async () => {
    const box = await sealIt('caf\u00e9')
    expect(await openUnderPassword('cafe\u0301', 'label', box)).toEqual(secret)
    expect(await openUnderPassword('cafe', 'label', box)).toBeNull()
    expect(await openUnderPassword('caf\u00e9', 'other label', box)).toBeNull()
  })

  it('keeps its parameters, which nobody can lower', async () => {
    const argon2 = { memoryKiB: 256, passes: 2, lanes: 2 }
    const box = await sealIt('password', argon2)
    expect(parametersOf(box)).toEqual(argon2)
    const lowered = new Uint8Array(box)
    lowered.set((await sealIt('password')).subarray(0, 13))
    expect(parametersOf(lowered)).toEqual(CHEAP_ARGON2)
    expect(await openUnderPassword('password', 'label', lowered)).toBeNull()
  })

  it('costs 256 MiB, 3 passes and 4 lanes in production', async () => {
    const box = await sealIt('password', ARGON2_PARAMETERS)
    expect(parametersOf(box)).toEqual({ memoryKiB: 262_144, passes: 3, lanes: 4 })
    expect(await openUnderPassword('password', 'label', box)).toEqual(secret)
  })

  it('refuses a damaged header before it costs anything', async () => {
    const box = await sealIt('password')
    const huge = box.with(1, 0xff)
    for (const damaged of [huge, box.with(0, 2), box.subarray(0, 29), new Uint8Array()]) {
      await expect(openUnderPassword('password', 'label', damaged)).rejects.toMatchObject({
        code: 'bad-data',
        message: 'a password-protected secret in the database is damaged',
      })
    }
  })

  it('checks two passwords at a time, lets 32 wait, and refuses more', async () => {
    const box = await sealIt('password', { memoryKiB: 8 * 1024, passes: 1, lanes: 1 })
    const attempts = Array.from({ length: 40 }, () => openUnderPassword('password', 'label', box))
    const results = await Promise.allSettled(attempts)
    const refused = results.filter((result) => result.status === 'rejected')
    expect(refused).toHaveLength(40 - 2 - 32)
    for (const { reason } of refused) {
      expect(reason).toMatchObject({ code: 'busy', message: 'too many passwords are being checked just now' })
    }
    // The places are free again.
    expect(await openUnderPassword('password', 'label', box)).toEqual(secret)
  })
})
