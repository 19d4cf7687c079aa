import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type CanonicalValue, canonicalJson, parseCanonicalJson, utf8 } from '../src/index.ts'

const read = (text: string) => parseCanonicalJson(utf8(text), 'the input')

describe('canonical JSON', () => {
  it('sorts members by UTF-16 code units and writes no blanks (RFC 8785)', () => {
    const value = { '\u20ac': 1, '\r': [true, false], '1': { b: '', a: '"\\\u0001é' }, '\u{1f600}': 0, '\ufb33': 2 }
    expect(new TextDecoder().decode(canonicalJson(value))).toBe(
      '{"\\r":[true,false],"1":{"a":"\\"\\\\\\u0001é","b":""},"\u20ac":1,"\u{1f600}":0,"\ufb33":2}',
    )
  })

  it('comes back for whatever may be written', () => {
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { maxDepth: 3 },
        fc.string({ unit: 'binary' }),
        fc.maxSafeNat(),
        fc.boolean(),
        fc.array(tie('tree'), { maxLength: 4 }),
        fc.dictionary(
          fc.string({ unit: 'grapheme' }).filter((key) => key !== '__proto__'),
          tie('tree'),
          { maxKeys: 4, noNullPrototype: true },
        ),
      ),
    }))
    fc.assert(
      fc.property(tree, (value) => {
        expect(parseCanonicalJson(canonicalJson(value as CanonicalValue), 'it')).toEqual(value)
      }),
    )
  })

  it.each([
    '{"a": 1}',
    '{"b":1,"a":2}',
    '{"a":1,"a":1}',
    '1.0',
    '1e2',
    '-1',
    '-0',
    '0.5',
    'null',
    '{"a":null}',
    '9007199254740992',
    '"\\u0061"',
    '"\\ud800"',
    '',
    '[1]\n',
    `${'['.repeat(40)}${']'.repeat(40)}`,
  ])('refuses %s', (text) => {
    expect(() => read(text)).toThrow(
      expect.objectContaining({ code: 'bad-data', message: 'the input is not canonical JSON' }),
    )
  })

  it('refuses bytes that are not UTF-8', () => {
    expect(() => parseCanonicalJson(new Uint8Array([0x22, 0xff, 0x22]), 'the input')).toThrow('the input is not UTF-8')
  })
})
