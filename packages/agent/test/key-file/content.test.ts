import { canonicalJson, toHex } from '@mailseal/common'
import { describe, expect, it } from 'vitest'
import { keyOf, readKeyFileContent, uniteContents, writeKeyFileContent } from '../../src/key-file/content.ts'
import { makeOrganization } from '../organization.ts'

const organization = await makeOrganization()
const alice = await organization.issue('alice@example.org')
const older = await organization.issue('alice@example.org')
const bob = await organization.issue('bob@example.org')

describe('the content of a key file', () => {
  it('comes back as it was written', async () => {
    const content = organization.content(alice, older)
    const { document, ...read } = await readKeyFileContent(writeKeyFileContent(content))
    expect(read).toEqual(content)
    expect(document.rootFingerprint).toBe(organization.document.rootFingerprint)
  })

  it.each([
    ['its authority document is of another root', { root: '0'.repeat(64) }],
    ['its certificate is not that of its current key', { certificate: new Uint8Array(bob.certificate) }],
    ['a key stands in it twice', { keys: [...organization.content(alice, alice).keys] }],
    [
      'a key has another fingerprint than stated',
      {
        keys: [
          ...organization.content(alice).keys,
          { fingerprint: bob.key.fingerprint, serial: bob.serial, secretKey: older.key.secretKey },
        ],
      },
    ],
  ])('is refused when %s', async (what, change) => {
    const bytes = writeKeyFileContent({ ...organization.content(alice), ...change })
    await expect(readKeyFileContent(bytes)).rejects.toMatchObject({
      code: 'bad-data',
      message: `the key file does not fit together: ${what}`,
    })
  })

  it('of another format or with unknown members is refused', async () => {
    const value = JSON.parse(new TextDecoder().decode(writeKeyFileContent(organization.content(alice))))
    const other = canonicalJson({ ...value, format: 'mailseal-key-file/2' })
    await expect(readKeyFileContent(other)).rejects.toMatchObject({
      code: 'bad-data',
      message: 'the key file: format is not as it has to be',
    })
    await expect(readKeyFileContent(canonicalJson({ ...value, more: 1 }))).rejects.toMatchObject({ code: 'bad-data' })
  })
})

describe('uniting two', () => {
  const archived = bob.key.secretSubkey

  it('keeps what is current and drops no secret', async () => {
    const united = await uniteContents(organization.content(alice), {
      keys: organization.content(older, alice).keys,
      recovered: [archived],
    })
    expect(united.keys.map((key) => key.fingerprint)).toEqual([alice.key.fingerprint, older.key.fingerprint])
    expect(united.recovered).toEqual([archived])
    const again = await uniteContents(united, united)
    expect(again).toEqual(united)
  })

  it('has no secret twice, also not as a recovered subkey of a key that it has', async () => {
    const other = { keys: organization.content(older).keys, recovered: [alice.key.secretSubkey, archived] }
    const united = await uniteContents(
      { ...organization.content(alice), recovered: [archived, older.key.secretSubkey] },
      other,
    )
    expect(united.keys.map((key) => key.fingerprint)).toEqual([alice.key.fingerprint, older.key.fingerprint])
    expect(united.recovered).toEqual([archived])
  })

  it('keeps once what can not be read: it may be a secret all the same', async () => {
    const unreadable = new Uint8Array([1, 2, 3])
    const content = { ...organization.content(alice), recovered: [unreadable] }
    expect((await uniteContents(content, content)).recovered).toEqual([unreadable])
  })
})

describe('a key by its fingerprint', () => {
  it('is found or named as missing', () => {
    const content = organization.content(alice, older)
    expect(toHex(keyOf(content, older.key.fingerprint).secretKey)).toBe(toHex(older.key.secretKey))
    expect(() => keyOf(content, bob.key.fingerprint)).toThrow(
      "the key file does not hold the key of this computer's certificate",
    )
  })
})
