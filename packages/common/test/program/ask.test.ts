import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { MailsealError } from '../../src/errors.ts'
import { askOn } from '../../src/program/ask.ts'
import { testIo } from './test-io.ts'

/** A person who types one answer into each prompt, once it has shown the words that it should; null hangs up. */
function person(...script: readonly (readonly [sees: string, types: string | null])[]) {
  let shown = ''
  let prompts = 0
  let closed = 0
  const openTerminal = () => {
    const input = new PassThrough()
    const output = new PassThrough()
    const start = shown.length
    let answer = script[prompts]
    output.on('data', (chunk: Buffer) => {
      shown += chunk.toString()
      if (!answer || !shown.slice(start).includes(answer[0])) return
      const [, types] = answer
      answer = undefined
      prompts += 1
      // A prompt shows before it listens.
      setImmediate(() => (types === null ? input.end() : input.write(types)))
    })
    const close = () => {
      closed += 1
    }
    return { input, output, close }
  }
  const { io, out, err } = testIo({ openTerminal })
  return { ask: askOn(io, false), io, shown: () => shown, said: () => out() + err(), closed: () => closed }
}

test('a password is asked on the terminal, shown nowhere and normalized', async () => {
  const alice = person(['Password', 'cafe\u0301\r'])
  expect(await alice.ask.password({ message: 'Password' })).toBe('caf\u00e9')
  expect(alice.shown()).not.toContain('caf')
  expect([alice.said(), alice.closed()]).toEqual(['', 1])
})

test('a secret that can be seen to be mistyped is asked again, with the reason', async () => {
  const check = (secret: string) => {
    if (secret !== 'right') throw new MailsealError('temporary-key-mistyped', 'mistyped')
  }
  const alice = person(['Key', 'wrong\r'], ['Key (mistyped)', 'right\r'])
  expect(await alice.ask.password({ message: 'Key', check })).toBe('right')
  const never = person(['Key', 'a\r'], ['Key', 'b\r'], ['Key', 'c\r'])
  await expect(never.ask.password({ message: 'Key', check })).rejects.toMatchObject({ code: 'temporary-key-mistyped' })
})

test('a prompt is erased once answered', async () => {
  const alice = person(['Name', 'Alice\r'])
  expect(await alice.ask.input({ message: 'Name' })).toBe('Alice')
  const lastErase = alice.shown().lastIndexOf('\u001b[2K')
  expect(lastErase).toBeGreaterThan(alice.shown().lastIndexOf('Name'))
})

test('a new password is typed twice, and again where the two differ', async () => {
  const alice = person(
    ['Password', 'one\r'],
    ['(again)', 'two\r'],
    ['(the two passwords differ)', 'three\r'],
    ['(again)', 'three\r'],
  )
  expect(await alice.ask.newPassword({ message: 'Password' })).toBe('three')
  const never = person(...[1, 2, 3].flatMap(() => [['Password', 'one\r'] as const, ['(again)', 'two\r'] as const]))
  await expect(never.ask.newPassword({ message: 'Password' })).rejects.toMatchObject({
    ...{ code: 'usage', message: 'the two passwords differ', hint: 'type the same password twice' },
  })
})

test('a new password that will not do is asked again, with the reason', async () => {
  const check = (password: string) => {
    if (password.length < 4) throw new MailsealError('usage', 'too short')
  }
  const alice = person(['Password', 'abc\r'], ['Password (too short)', 'abcd\r'], ['(again)', 'abcd\r'])
  expect(await alice.ask.newPassword({ message: 'Password', check })).toBe('abcd')
})

test('confirm wants a yes; choose gives the value chosen', async () => {
  expect(await person(['Sure?', 'y\r']).ask.confirm({ message: 'Sure?' })).toBe(true)
  expect(await person(['Sure?', '\r']).ask.confirm({ message: 'Sure?' })).toBe(false)
  const choices = [
    { name: 'mail it', value: 1 },
    { name: 'show it', value: 2 },
  ]
  expect(await person(['How?', '\u001b[B\r']).ask.choose({ message: 'How?', choices })).toBe(2)
})

test.each([
  ['Ctrl-C', '\u0003'],
  ['Ctrl-D', '\u0004'],
  ['the end of the input', null],
])('%s cancels', async (_name, typed) => {
  const alice = person(['Password', typed])
  await expect(alice.ask.password({ message: 'Password' })).rejects.toMatchObject({
    ...{ code: 'canceled', message: 'canceled; nothing was done', exitCode: 130 },
  })
  expect(alice.closed()).toBe(1)
})

test('where nobody can be asked each question is refused at once', async () => {
  const alice = person(['', 'y\r'])
  const nobody = [askOn(alice.io, true), askOn(testIo().io, false)]
  for (const ask of nobody) {
    expect(ask.possible).toBe(false)
    const question = { message: 'Key file password', instead: 'give it with --password-file FILE' }
    const refused = {
      ...{ code: 'password-needed', message: 'nobody can be asked for the key file password' },
      ...{ hint: 'give it with --password-file FILE', exitCode: 67 },
    }
    await expect(ask.password(question)).rejects.toMatchObject(refused)
    await expect(ask.newPassword(question)).rejects.toMatchObject(refused)
    const sure = { message: 'Revoke it?', instead: 'say it with --yes' }
    const unsure = { code: 'usage', message: 'nobody can be asked: revoke it?', hint: 'say it with --yes' }
    await expect(ask.confirm(sure)).rejects.toMatchObject(unsure)
    await expect(ask.input(sure)).rejects.toMatchObject(unsure)
    await expect(ask.choose({ ...sure, choices: [{ name: 'a', value: 1 }] })).rejects.toMatchObject(unsure)
  }
  expect(alice.ask.possible).toBe(true)
  expect(alice.shown()).toBe('')
})
