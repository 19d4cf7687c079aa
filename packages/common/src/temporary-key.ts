import { hkdfSync } from 'node:crypto'
import type { Random } from './clock.ts'
import { fromHex, toHex, utf8 } from './encoding.ts'
import { MailsealError } from './errors.ts'

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const SECRET_SYMBOLS = 24
const GROUP = 5

/** Powers of 2, the generator of GF(32) with x^5 + x^2 + 1; symbol i is weighted with the i-th. */
const WEIGHTS = Array.from({ length: SECRET_SYMBOLS + 1 }, (_, i) => {
  let power = 1
  for (let step = 0; step < i; step++) power = double(power)
  return power
})

function double(element: number): number {
  const shifted = element << 1
  return shifted & 0b100000 ? shifted ^ 0b100101 : shifted
}

function multiply(a: number, b: number): number {
  let product = 0
  for (let power = a, rest = b; rest > 0; rest >>= 1, power = double(power)) if (rest & 1) product ^= power
  return product
}

function weightedSum(symbols: readonly number[]): number {
  return symbols.reduce((sum, symbol, i) => sum ^ multiply(WEIGHTS[i] as number, symbol), 0)
}

/** The symbol that makes the weighted sum of all 25 zero. */
function checkSymbol(symbols: readonly number[]): number {
  const target = weightedSum(symbols)
  const weight = WEIGHTS[SECRET_SYMBOLS] as number
  return ALPHABET.split('').findIndex((_, symbol) => multiply(weight, symbol) === target)
}

function symbolsOf(secret: Uint8Array): number[] {
  let bits = BigInt(`0x${toHex(secret)}`)
  const symbols = new Array<number>(SECRET_SYMBOLS)
  for (let i = SECRET_SYMBOLS - 1; i >= 0; i--, bits >>= 5n) symbols[i] = Number(bits & 31n)
  return symbols
}

function secretOf(symbols: readonly number[]): Uint8Array<ArrayBuffer> {
  const bits = symbols.slice(0, SECRET_SYMBOLS).reduce((sum, symbol) => (sum << 5n) | BigInt(symbol), 0n)
  return fromHex(bits.toString(16).padStart(30, '0'), 'temporary key')
}

/** Writes 15 secret bytes as a temporary key: 25 symbols in five groups, the last one a check symbol. */
export function formatTemporaryKey(secret: Uint8Array): string {
  if (secret.length !== 15) throw new TypeError('a temporary key has 15 bytes')
  const symbols = symbolsOf(secret)
  const text = [...symbols, checkSymbol(symbols)].map((symbol) => ALPHABET[symbol]).join('')
  return (text.match(new RegExp(`.{${GROUP}}`, 'g')) as string[]).join('-')
}

/** Makes a new temporary key of 120 random bits. */
export function generateTemporaryKey(random: Random): string {
  return formatTemporaryKey(random(15))
}

/**
 * Reads a temporary key as people type it: any case, blanks and hyphens anywhere, O for 0, I and L for 1.
 *
 * @returns The 15 secret bytes.
 * @throws {@link MailsealError} `temporary-key-mistyped`, naming what is wrong but never what was typed.
 */
export function parseTemporaryKey(typed: string): Uint8Array<ArrayBuffer> {
  const text = typed
    .replace(/[\s\-\u2010-\u2015\u2212]/gu, '')
    .replace(/[a-z]/g, (letter) => letter.toUpperCase())
    .replaceAll('O', '0')
    .replace(/[IL]/g, '1')
  const symbols = [...text].map((symbol) => ALPHABET.indexOf(symbol))
  if (symbols.includes(-1)) throw mistyped('the temporary key has a character that no temporary key has')
  if (symbols.length !== SECRET_SYMBOLS + 1) {
    throw mistyped(`the temporary key has ${symbols.length} characters instead of ${SECRET_SYMBOLS + 1}`)
  }
  if (weightedSum(symbols) !== 0) throw mistyped('the temporary key is mistyped')
  return secretOf(symbols)
}

function mistyped(message: string): MailsealError {
  return new MailsealError('temporary-key-mistyped', message)
}

/** What a temporary key turns into; the key itself is never sent nor stored. */
export interface TemporaryKeySecrets {
  /** 32 bytes: the pre-shared key of the enrollment's HPKE exchange. */
  readonly psk: Uint8Array<ArrayBuffer>
  /** 32 bytes: names the temporary key to the server; known to its holder alone until it is sent. */
  readonly pskId: Uint8Array<ArrayBuffer>
  /** 32 bytes: authenticates the offer and the server's time. */
  readonly macKey: Uint8Array<ArrayBuffer>
  /** 32 bytes: opens the recovered history, once. The KM server forgets it as it forgets the temporary key. */
  readonly historyKey: Uint8Array<ArrayBuffer>
}

/** Derives with HKDF-SHA256, empty salt, one label for each output (docs/spec/temporary-key.md). */
export function deriveTemporaryKeySecrets(secret: Uint8Array): TemporaryKeySecrets {
  const derive = (output: string) =>
    new Uint8Array(hkdfSync('sha256', secret, new Uint8Array(0), utf8(`mailseal/1 temporary key ${output}`), 32))
  return { psk: derive('psk'), pskId: derive('psk id'), macKey: derive('mac'), historyKey: derive('history') }
}
