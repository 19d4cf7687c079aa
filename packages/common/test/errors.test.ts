import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { asMailsealError, ERROR_CODES, isErrorCode, MailsealError } from '../src/index.ts'

it('every code has an exit code of a program and a status of the server', () => {
  for (const code of ERROR_CODES) {
    const error = new MailsealError(code, 'message')
    expect(error.exitCode, code).toBeGreaterThan(0)
    expect(error.httpStatus, code).toBeGreaterThanOrEqual(400)
  }
})

it('never shows its cause', () => {
  const error = new MailsealError('bad-data', 'the file is damaged', { cause: new Error('secret'), hint: 'look at it' })
  expect(JSON.stringify(error)).toBe('{"code":"bad-data","message":"the file is damaged","hint":"look at it"}')
  expect(asMailsealError(new Error('secret')).message).toBe('something went wrong inside')
})

it('knows its own codes only', () => {
  expect(isErrorCode('temporary-key-used')).toBe(true)
  expect(isErrorCode('toString')).toBe(false)
})

it('every code stands in docs/errors.md with its numbers, and no other does', () => {
  const page = readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8')
  const rows = [...page.matchAll(/^\| `([a-z-]+)` \| (\d+) \| (\d+) \| \S.+ \|$/gm)].map((row) =>
    row.slice(1, 4).join(' '),
  )
  const table = ERROR_CODES.map((code) => {
    const { exitCode, httpStatus } = new MailsealError(code, 'message')
    return `${code} ${exitCode} ${httpStatus}`
  })
  expect(rows).toEqual(table)
})
