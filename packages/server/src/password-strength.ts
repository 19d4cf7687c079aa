import { MailsealError } from '@mailseal/common'

const LEAST_CHARACTERS = 14
const LEAST_DIFFERENT = 5

/** What people take when fourteen characters are demanded of them; compared without case, blanks and punctuation. */
const COMMON = [
  'passwordpassword',
  'password123456',
  'password1234567',
  'password12345678',
  'password123456789',
  'administrator1',
  'administrator123',
  'administrator1234',
  'adminadminadmin',
  'changemechangeme',
  'changeme123456',
  'letmeinletmein',
  'welcomewelcome',
  'welcome1234567',
  'iloveyouiloveyou',
  'qwertyuiopasdf',
  'qwertyuiopasdfgh',
  'qwertyuiopasdfghjkl',
  'qwertyuiopasdfghjklzxcvbnm',
  'qwerty12345678',
  'qwerty123456789',
  '1q2w3e4r5t6y7u',
  '1q2w3e4r5t6y7u8i',
  '1q2w3e4r5t6y7u8i9o0p',
  '1qaz2wsx3edc4rfv',
  '1qaz2wsx3edc4rfv5tgb',
  'zaq12wsxcde34rfv',
  'correcthorsebatterystaple',
  'thequickbrownfox',
  'tobeornottobe',
  'tobeornottobethatisthequestion',
  'thisismypassword',
  'mypasswordissecret',
]
const ROWS = ['01234567890123456789', 'abcdefghijklmnopqrstuvwxyz']

const bare = (text: string) => text.toLowerCase().replaceAll(/[\p{P}\p{Z}\p{S}]/gu, '')
const backwards = (text: string) => [...text].reverse().join('')

function isCommon(password: string): boolean {
  const letters = bare(password)
  if (COMMON.includes(letters)) return true
  return letters !== '' && [...ROWS, ...ROWS.map(backwards)].some((row) => row.includes(letters))
}

/** Whether nothing but a few letters are left when the names that everybody knows are taken out. */
function isMadeOfNames(password: string, names: readonly string[]): boolean {
  const known = names.map(bare).filter((name) => name.length >= 3)
  const rest = known.reduce((text, name) => text.replaceAll(name, ''), bare(password))
  return known.length > 0 && rest.length < LEAST_DIFFERENT
}

/**
 * Refuses a password that somebody would try: shorter than 14 characters (which any five words have), made of a few
 * characters, among the common ones, or made of names that everybody knows. A check of form, not of entropy.
 *
 * @param names - Of the organization, its domains and the administrator.
 * @throws {@link MailsealError} `refused-by-policy`.
 */
export function assertStrongPassword(password: string, label: string, names: readonly string[] = []): void {
  const characters = [...password.normalize('NFC')]
  const refuse = (why: string) => {
    const hint = 'take five words that nobody else would put together'
    return new MailsealError('refused-by-policy', `${label} ${why}`, { hint })
  }
  if (characters.length < LEAST_CHARACTERS) throw refuse(`is shorter than ${LEAST_CHARACTERS} characters`)
  if (new Set(characters).size < LEAST_DIFFERENT) throw refuse('repeats a few characters')
  if (isCommon(password)) throw refuse('is a common one')
  if (isMadeOfNames(password, names)) throw refuse('is made of names that everybody knows')
}
