import { describe, expect, it } from 'vitest'
import { readFrames } from '../../src/certificate/message-frames.ts'
import { concat, LIMITS } from '../../src/index.ts'

const body = (length: number) => new Uint8Array(length).fill(7)
const refused = { code: 'bad-data', message: 'this is not an OpenPGP message' }

describe('packets', () => {
  it('are taken apart in the new format, whatever the form of their length', () => {
    const bytes = concat(
      Uint8Array.of(0xc1, 3),
      body(3),
      Uint8Array.of(0xc3, 192, 8),
      body(200),
      Uint8Array.of(0xd2, 255, 0, 0, 0, 1),
      body(1),
    )
    expect(readFrames(bytes).map((frame) => [frame.tag, frame.body.length])).toEqual([
      [1, 3],
      [3, 200],
      [18, 1],
    ])
  })

  it('are taken apart in the old format, and to the end where they state no length', () => {
    const bytes = concat(
      Uint8Array.of(0x84, 2),
      body(2),
      Uint8Array.of(0x85, 0, 1),
      body(1),
      Uint8Array.of(0xa7),
      body(9),
    )
    expect(readFrames(bytes).map((frame) => [frame.tag, frame.body.length])).toEqual([
      [1, 2],
      [1, 1],
      [9, 9],
    ])
  })

  it('come in pieces if they hold data, however small the pieces', () => {
    const pieces = Array.from({ length: 1000 }, () => Uint8Array.of(224, 7))
    const bytes = concat(Uint8Array.of(0xd2, 224 + 9), body(512), ...pieces, Uint8Array.of(2), body(2))
    expect(readFrames(bytes)).toEqual([{ tag: 18, body: body(512 + 1000 + 2) }])
  })

  it('do not come in pieces otherwise', () => {
    expect(() => readFrames(concat(Uint8Array.of(0xc1, 224 + 9), body(512), Uint8Array.of(0)))).toThrow(
      expect.objectContaining(refused),
    )
    expect(() => readFrames(concat(Uint8Array.of(0xd2, 224 + 8), body(256), Uint8Array.of(0)))).toThrow(
      expect.objectContaining(refused),
    )
  })

  it('are refused where they claim more than there is, or are none', () => {
    for (const bytes of [
      [0xc1],
      [0xc1, 2, 0],
      [0xc1, 193],
      [0xd2, 255, 255, 255, 255, 255],
      [0x41, 0],
      [0xd2, 233, 0],
    ]) {
      expect(() => readFrames(Uint8Array.from(bytes)), String(bytes)).toThrow(expect.objectContaining(refused))
    }
  })

  it('are not counted for ever', () => {
    const many = new Uint8Array(2 * (LIMITS.messageKeys + 2)).map((_, i) => (i % 2 === 0 ? 0xc1 : 0))
    expect(() => readFrames(many)).toThrow(expect.objectContaining({ code: 'too-large' }))
  })
})
