import { asAddress, MailsealError, SPANS } from '@mailseal/common'
import type { Reads } from './store/store.ts'

/** One setting: how its text is read, and what holds while nobody has set it. */
interface Setting<T> {
  readonly default: T
  /** @throws {@link MailsealError} `bad-data` if the text is out of range. */
  parse(text: string): T
}

function flag(value: boolean): Setting<boolean> {
  return {
    default: value,
    parse(text) {
      if (text === 'true' || text === 'false') return text === 'true'
      throw new MailsealError('bad-data', 'the setting must be true or false')
    },
  }
}

function whole(value: number, least: number, most: number): Setting<number> {
  return {
    default: value,
    parse(text) {
      const number = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN
      if (number >= least && number <= most) return number
      throw new MailsealError('bad-data', `the setting must be a whole number from ${least} to ${most}`)
    },
  }
}

const address: Setting<string | null> = { default: null, parse: asAddress }

/** Every setting; the table of settings holds those that somebody has set, as text. */
const SETTINGS = {
  /** Whether a temporary key may go out by e-mail. */
  'enrollment.allowEmail': flag(true),
  'enrollment.temporaryKeyDays': whole(SPANS.temporaryKeyDays, 1, 90),
  'renewal.afterMonths': whole(SPANS.renewalMonths, 1, SPANS.certificateMonths - 1),
  'renewal.graceDays': whole(SPANS.renewalGraceDays, 0, 366),
  'crl.nextUpdateHours': whole(SPANS.crlNextUpdate / 3600, 2, SPANS.crlNextUpdateLongest / 3600),
  /** Sender of what the KM server mails; null: none was set. */
  'mail.from': address,
} as const satisfies Record<string, Setting<unknown>>

export type SettingKey = keyof typeof SETTINGS
type SettingValue<K extends SettingKey> = ReturnType<(typeof SETTINGS)[K]['parse']>

/** The value of a setting, or its default. */
export async function readSetting<K extends SettingKey>(
  reads: Pick<Reads, 'setting'>,
  key: K,
): Promise<SettingValue<K>> {
  const text = await reads.setting(key)
  const setting: Setting<unknown> = SETTINGS[key]
  return (text === null ? setting.default : setting.parse(text)) as SettingValue<K>
}
