import { describe, expect, it } from 'vitest'
import { readSetting, type SettingKey } from '../src/settings.ts'

const read = (key: SettingKey, text: string | null) => readSetting({ setting: async () => text }, key)

describe('settings', () => {
  it('have defaults', async () => {
    expect(await read('enrollment.allowEmail', null)).toBe(true)
    expect(await read('enrollment.temporaryKeyDays', null)).toBe(14)
    expect(await read('renewal.afterMonths', null)).toBe(12)
    expect(await read('crl.nextUpdateHours', null)).toBe(24)
    expect(await read('mail.from', null)).toBeNull()
  })

  it('are what somebody set', async () => {
    expect(await read('enrollment.allowEmail', 'false')).toBe(false)
    expect(await read('enrollment.temporaryKeyDays', '1')).toBe(1)
    expect(await read('mail.from', 'km@Example.Org')).toBe('km@example.org')
  })

  it.each([
    ['enrollment.allowEmail', 'yes', 'the setting must be true or false'],
    ['enrollment.temporaryKeyDays', '0', 'the setting must be a whole number from 1 to 90'],
    ['enrollment.temporaryKeyDays', '1.5', 'the setting must be a whole number from 1 to 90'],
    ['renewal.afterMonths', '18', 'the setting must be a whole number from 1 to 17'],
    ['crl.nextUpdateHours', '1e2', 'the setting must be a whole number from 2 to 720'],
    ['mail.from', 'nobody', 'this is not an e-mail address'],
  ] as const)('refuse %s=%s', async (key, text, message) => {
    await expect(read(key, text)).rejects.toMatchObject({ code: 'bad-data', message })
  })
})
