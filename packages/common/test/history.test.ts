import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { openHistory, sealHistory } from '../src/history.ts'
import { systemRandom, toHex } from '../src/index.ts'

const shown = (pieces: readonly (Uint8Array | null)[]) => pieces.map((piece) => piece && toHex(piece))

describe('recovered history', () => {
  it('comes back as it was sealed, in its order', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 5 }), (subkeys) => {
        const historyKey = systemRandom(32)
        expect(shown(openHistory(historyKey, sealHistory(historyKey, subkeys)))).toEqual(shown(subkeys))
      }),
    )
  })

  it('opens under its own temporary key only, and each piece in its own place', () => {
    const historyKey = systemRandom(32)
    const sealed = sealHistory(historyKey, [systemRandom(140), systemRandom(140)])
    const [first, second] = sealed as [Uint8Array, Uint8Array]
    expect(openHistory(systemRandom(32), sealed)).toEqual([null, null])
    expect(openHistory(historyKey, [second, first])).toEqual([null, null])
    expect(openHistory(historyKey, [second])).toEqual([null])
  })

  it('comes back without the piece that was damaged, whatever the damage', () => {
    const historyKey = systemRandom(32)
    const subkeys = [systemRandom(140), systemRandom(141), systemRandom(142)]
    const [first, second, third] = sealHistory(historyKey, subkeys) as [Uint8Array, Uint8Array, Uint8Array]
    const [oldest, , newest] = shown(subkeys)
    const opened = (damaged: Uint8Array) => shown(openHistory(historyKey, [first, damaged, third]))
    expect(opened(second)).toEqual(shown(subkeys))
    for (let at = 0; at < second.length; at++) {
      const changed = new Uint8Array(second)
      changed[at] = (changed[at] as number) ^ 0x80
      expect(opened(changed), `byte ${at}`).toEqual([oldest, null, newest])
      expect(opened(second.subarray(0, at)), `${at} bytes`).toEqual([oldest, null, newest])
    }
  })
})
