import { concat, systemRandom, utf8 } from '@mailseal/common'
import * as openpgp from 'openpgp'
import { describe, expect, it } from 'vitest'
import { makeLock, openWithPassword, sealWithLock } from '../../src/key-file/password-message.ts'

const CONTENT = utf8('{"a":"secret"}')
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)

/** The same armored message with one byte of its binary form changed. */
async function changed(armored: Uint8Array, at: number, value?: number): Promise<Uint8Array> {
  const { data } = await openpgp.unarmor(text(armored))
  const binary = new Uint8Array(data)
  const place = at < 0 ? binary.length + at : at
  binary[place] = value ?? (binary[place] as number) ^ 1
  return utf8(openpgp.armor(openpgp.enums.armor.message, binary))
}

describe('a message under a password', () => {
  it('opens with it, whichever way its letters are composed', async () => {
    const sealed = await sealWithLock(await makeLock('pa\u00dfw\u00f6rter', systemRandom), CONTENT)
    expect(text(sealed)).toMatch(/^-----BEGIN PGP MESSAGE-----\n/)
    const { content } = await openWithPassword(sealed, 'pa\u00dfwo\u0308rter', 'the file')
    expect(content).toEqual(CONTENT)
  })

  it('is what RFC 9580 says, so that another program opens it', async () => {
    const sealed = await sealWithLock(await makeLock('password', systemRandom), CONTENT)
    const message = await openpgp.readMessage({ armoredMessage: text(sealed) })
    expect([...message.packets].map((packet) => (packet as { version?: number }).version)).toEqual([6, 2])
    const { data } = await openpgp.decrypt({ message, passwords: ['password'], format: 'binary' })
    expect(new Uint8Array(data)).toEqual(CONTENT)
  })

  it('refuses another password', async () => {
    const sealed = await sealWithLock(await makeLock('password', systemRandom), CONTENT)
    await expect(openWithPassword(sealed, 'passwort', 'the file')).rejects.toMatchObject({
      code: 'password-wrong',
      message: 'the password does not open the file',
    })
  })

  it('says so when its content is damaged', async () => {
    const sealed = await sealWithLock(await makeLock('password', systemRandom), CONTENT)
    const damaged = await changed(sealed, -20)
    await expect(openWithPassword(damaged, 'password', 'the file')).rejects.toMatchObject({
      code: 'bad-data',
      message: 'the file is damaged',
    })
  })

  it.each([
    ['memory', 26, 31],
    ['passes', 24, 255],
    ['lanes', 25, 255],
  ])('of somebody else cannot ask for more %s than a key file may', async (_what, at, value) => {
    const sealed = await sealWithLock(await makeLock('password', systemRandom), CONTENT)
    const hostile = await changed(sealed, at, value)
    const begun = performance.now()
    await expect(openWithPassword(hostile, 'password', 'the file')).rejects.toMatchObject({
      code: 'bad-data',
      message: 'the file asks for too much memory or time to be opened',
    })
    expect(performance.now() - begun).toBeLessThan(200)
  })

  it.each([
    ['before', (first: Uint8Array, hostile: Uint8Array, rest: Uint8Array) => [first, hostile, rest]],
    ['behind', (first: Uint8Array, hostile: Uint8Array, rest: Uint8Array) => [first, rest, hostile]],
  ])('of somebody else cannot bring another password packet %s its content', async (_where, arrange) => {
    const lock = await makeLock('password', systemRandom)
    const { data } = await openpgp.unarmor(text(await sealWithLock(lock, CONTENT)))
    const hostile = lock.packet.slice()
    hostile[24] = 20
    const packets = arrange(lock.packet, hostile, new Uint8Array(data).slice(lock.packet.length))
    const sealed = utf8(openpgp.armor(openpgp.enums.armor.message, concat(...packets)))
    const begun = performance.now()
    await expect(openWithPassword(sealed, 'password', 'the file')).rejects.toMatchObject({ code: 'bad-data' })
    expect(performance.now() - begun).toBeLessThan(200)
  })

  it('locked in another way is no key file', async () => {
    const message = await openpgp.createMessage({ binary: CONTENT })
    const iterated = await openpgp.encrypt({ message, passwords: ['password'] })
    await expect(openWithPassword(utf8(iterated), 'password', 'the file')).rejects.toMatchObject({
      code: 'bad-data',
      message: 'the file is not locked with a password as key files are',
    })
    await expect(openWithPassword(utf8('hello'), 'password', 'the file')).rejects.toMatchObject({
      code: 'bad-data',
      message: 'the file is damaged',
    })
  })

  it('keeps its lock over rewrites, and nothing else', async () => {
    const first = await sealWithLock(await makeLock('password', systemRandom), CONTENT)
    const { lock } = await openWithPassword(first, 'password', 'the file')
    const second = await sealWithLock(lock, CONTENT)
    expect(second).not.toEqual(first)
    const again = await openWithPassword(second, 'password', 'the file')
    expect(again.lock).toEqual(lock)
    expect(again.content).toEqual(CONTENT)
  })
})
