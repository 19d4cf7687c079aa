import { describe, expect, it } from 'vitest'
import { addressOfUserId, asAddress, asDomain, asMailboxName, formatUserId } from '../src/index.ts'

describe('an address', () => {
  it.each([
    ['alice@example.org', 'alice@example.org'],
    ["Alice.O'Neil+x@EXAMPLE.Org", "Alice.O'Neil+x@example.org"],
    ['alice@bücher.example', 'alice@xn--bcher-kva.example'],
  ])('%s is read as %s', (text, address) => expect(asAddress(text)).toBe(address))

  it.each([
    '',
    'alice',
    '@example.org',
    'a b@example.org',
    '"a"@example.org',
    'a@',
    'a@b@c.org',
    '.a@example.org',
    'a..b@example.org',
    'a@-x.org',
    'a@exa mple.org',
    'a@[127.0.0.1]',
    'a@127.0.0.1',
    'a@x_y.org',
    'a\n@example.org',
    `${'a'.repeat(65)}@example.org`,
    `a@${'b.'.repeat(140)}org`,
    'ä@example.org',
  ])('%j is refused', (text) => expect(() => asAddress(text)).toThrow(expect.objectContaining({ code: 'bad-data' })))

  it('lower-cases domains only', () => expect(asDomain('Example.ORG')).toBe('example.org'))
})

describe('a name', () => {
  it.each(['Müller, Alice', 'Łukasz (Sales) & Co.', '山田 太郎', 'x'.repeat(64), ''])('may be %j', (name) => {
    expect(asMailboxName(name)).toBe(name)
    expect(addressOfUserId(formatUserId(name, 'a@example.org'))).toBe('a@example.org')
  })

  it.each([
    'Eve <boss@example.org>',
    'a"b',
    'boss@example.org',
    'a\u202eb',
    'a\u0000b',
    'a\u2028b',
    'a\nb',
    'x'.repeat(65),
  ])('may not be %j', (name) => {
    expect(() => asMailboxName(name)).toThrow(expect.objectContaining({ code: 'bad-data' }))
  })

  it('becomes NFC', () => expect(asMailboxName('Mu\u0308ller ')).toBe('Müller'))
})

it.each([
  ['Eve <boss@x.org> <eve@x.org>', 'eve@x.org'],
  ['boss@x.org <eve@x.org>', 'eve@x.org'],
  ['<eve@x.org>', 'eve@x.org'],
  ['eve@x.org', null],
  ['Eve <eve@x.org> ', null],
  ['Eve <eve@x.org> (boss)', null],
  ['Eve <>', null],
])('the address of the user id %s is %s', (userId, address) => expect(addressOfUserId(userId)).toBe(address))
