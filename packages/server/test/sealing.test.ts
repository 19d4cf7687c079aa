import { describe, expect, it } from 'vitest'
import { open, seal } from '../src/sealing.ts'

const key = new Uint8Array(32).fill(1)
const secret = new TextEncoder().encode('a secret')
const refused = { code: 'cannot-decrypt', message: 'a secret of the KM server cannot be opened' }

describe('sealing', () => {
  it('opens what it sealed, each time sealed differently', () => {
    const [once, again] = [seal(key, 'label', secret), seal(key, 'label', secret)]
    expect(open(key, 'label', once)).toEqual(secret)
    expect(open(key, 'label', again)).toEqual(secret)
    expect(once).not.toEqual(again)
    expect(open(key, 'label', seal(key, 'label', new Uint8Array()))).toEqual(new Uint8Array())
  })

  it('opens nothing under another key or label', () => {
    const sealed = seal(key, 'label', secret)
    expect(() => open(new Uint8Array(32).fill(2), 'label', sealed)).toThrow(expect.objectContaining(refused))
    expect(() => open(key, 'other label', sealed)).toThrow(expect.objectContaining(refused))
  })

  it('opens nothing that was changed or cut anywhere', () => {
    const sealed = seal(key, 'label', secret)
    for (let index = 0; index < sealed.length; index++) {
      const changed = sealed.with(index, (sealed[index] as number) ^ 1)
      expect(() => open(key, 'label', changed)).toThrow(expect.objectContaining(refused))
      expect(() => open(key, 'label', sealed.subarray(0, index))).toThrow(expect.objectContaining(refused))
    }
  })
})
