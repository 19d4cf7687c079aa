import { describe, expect, it } from 'vitest'
import { assertStrongPassword } from '../src/password-strength.ts'

const names = ['Example Organization', 'example.org', 'anna']
const refusal = (why: string) =>
  expect.objectContaining({
    code: 'refused-by-policy',
    message: `the password ${why}`,
    hint: 'take five words that nobody else would put together',
  })

describe('password strength', () => {
  it.each(['', 'short', 'thirteen char', 'e\u0301'.repeat(13)])('refuses %j as too short', (password) => {
    expect(() => assertStrongPassword(password, 'the password')).toThrow(refusal('is shorter than 14 characters'))
  })

  it.each(['aaaaaaaaaaaaaaaaaaaa', 'abababababababab', '              ', '12341234123412341234'])(
    'refuses %j as repetitive',
    (password) => {
      expect(() => assertStrongPassword(password, 'the password')).toThrow(refusal('repeats a few characters'))
    },
  )

  it.each([
    'Password-Password',
    'correct horse battery staple',
    '01234567890123',
    'zyxwvutsrqponmlkj',
    'Qwerty12345678!',
  ])('refuses %j as common', (password) => {
    expect(() => assertStrongPassword(password, 'the password')).toThrow(refusal('is a common one'))
  })

  it.each(['example organization', 'Anna-Example.Org-1', 'example.org example.org'])(
    'refuses %j, made of names',
    (password) => {
      expect(() => assertStrongPassword(password, 'the password', names)).toThrow(
        refusal('is made of names that everybody knows'),
      )
    },
  )

  it.each(['violet anna kettle sings', 'fourteen chars', 'hölzerne Tür 77', 'k3!xQ9-vT2#mZ8pL'])(
    'takes %j',
    (password) => {
      expect(() => assertStrongPassword(password, 'the password', names)).not.toThrow()
    },
  )
})
