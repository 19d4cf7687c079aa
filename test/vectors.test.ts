import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parseTemporaryKey } from '../packages/common/src/temporary-key.ts'
import { differenceOf, readExercise } from './support/vectors/drive.ts'
import { type Format, refusalOf } from './support/vectors/format.ts'
import { FORMATS } from './support/vectors/formats/index.ts'
import { withRandomness } from './support/vectors/randomness.ts'

const FOLDER = join(import.meta.dirname, 'vectors')
const filesOf = (format: string) => readdirSync(join(FOLDER, format)).sort()
const read = (format: string, file: string) => readFileSync(join(FOLDER, format, file), 'utf8')
const exerciseOf = (format: Format, file: string) => readExercise(format, read(format.name, file))

it('every folder of vectors is one of a format, and every format has one', () => {
  const folders = readdirSync(FOLDER, { withFileTypes: true }).filter((entry) => entry.isDirectory())
  expect(folders.map(({ name }) => name).sort()).toEqual(FORMATS.map(({ name }) => name).sort())
})

describe.each(FORMATS.map((format) => [format.name, format] as const))('%s', (name, format) => {
  const files = filesOf(name)

  it('has accepted vectors, made again by our own makers', () => {
    const exercises = files.map((file) => exerciseOf(format, file))
    const isMade = ({ isAccepted, given }: (typeof exercises)[number]) =>
      isAccepted && format.makings.every((key) => given.has(key))
    expect(exercises.filter(isMade).length).toBeGreaterThan(0)
  })

  it.each(files)('%s', async (file) => {
    const { given, isAccepted, refusal } = exerciseOf(format, file)
    expect(await refusalOf(() => format.read(given))).toEqual(refusal)
    if (isAccepted) expect(await differenceOf(format, given)).toBeNull()
  })
})

describe('the files themselves', () => {
  const [format] = FORMATS as [Format]
  const [file] = filesOf(format.name) as [string]
  const good = read(format.name, file)

  it.each([
    ['a header that is not known', good.replace('about: ', 'colour: red\nabout: '), 'header "colour" is unknown'],
    ['a header twice', good.replace('about: ', 'about: twice\nabout: '), 'header "about" stands twice'],
    ['a missing header', good.replace(/^psk: .*\n/m, ''), 'header "psk" is missing'],
    ['a header of no form', good.replace('about: ', 'About: '), 'this is no header: About:'],
    ['no body', good.slice(0, good.indexOf('\n\n') + 1), 'a vector is headers, a blank line and a body'],
    ['another form of body', good.replace(/^body: .*$/m, 'body: hex'), 'header "body" is text or base64'],
    ['a body that is not base64', good.replace(/^body: .*$/m, 'body: base64'), 'the body is not base64'],
  ])('are refused with %s', (_what, text, message) => {
    expect(() => readExercise(format, text)).toThrow(message)
  })

  it('fail where a result differs', async () => {
    const { given } = readExercise(format, good.replace(/^psk: .{4}/m, 'psk: 0000'))
    expect(await differenceOf(format, given)).toMatch(/^psk is [0-9a-f]{64}$/)
  })
})

describe('a temporary key', () => {
  const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
  const format = FORMATS.find(({ name }) => name === 'temporary-key') as Format
  const keys = filesOf(format.name)
    .map((file) => exerciseOf(format, file))
    .filter(({ isAccepted }) => isAccepted)
    .map(({ given }) => [...given.text('written').replaceAll('-', '')])
  const mistyped = { code: 'temporary-key-mistyped', message: 'the temporary key is mistyped' }
  const refusal = (symbols: readonly string[]) => refusalOf(async () => parseTemporaryKey(symbols.join('')))

  it.each(keys.map((symbols) => [symbols.join(''), symbols] as const))(
    '%s: no single slip stays unnoticed',
    async (_, symbols) => {
      let tried = 0
      for (const [at, right] of symbols.entries()) {
        for (const wrong of ALPHABET.replace(right, '')) {
          expect(await refusal(symbols.with(at, wrong)), `${wrong} at ${at}`).toEqual(mistyped)
          tried++
        }
      }
      expect(tried).toBe(25 * 31)
    },
  )

  it.each(keys.map((symbols) => [symbols.join(''), symbols] as const))(
    '%s: no exchange of two symbols stays unnoticed',
    async (_, symbols) => {
      for (const [i, one] of symbols.entries()) {
        for (const [j, other] of symbols.entries()) {
          if (i >= j || one === other) continue
          expect(await refusal(symbols.with(i, other).with(j, one)), `${i} and ${j}`).toEqual(mistyped)
        }
      }
    },
  )
})

it('fixed randomness is fixed, and given back', async () => {
  const draw = async () => crypto.getRandomValues(new Uint8Array(64))
  const [one, same, other] = [
    await withRandomness('a', draw),
    await withRandomness('a', draw),
    await withRandomness('b', draw),
  ]
  expect(one).toEqual(same)
  expect(one).not.toEqual(other)
  expect(await draw()).not.toEqual(await draw())
  await expect(withRandomness('a', () => withRandomness('b', draw))).rejects.toThrow('the randomness is fixed already')
})
