import { expect, it } from 'vitest'
import { addMonths, formatDate, formatMinute, formatSpan, formatTime } from '../src/index.ts'

const at = (text: string) => Date.parse(text) / 1000

it.each([
  ['2026-11-23T10:11:12Z', 18, '2028-05-23T10:11:12Z'],
  ['2026-08-31T00:00:00Z', 18, '2028-02-29T00:00:00Z'],
  ['2025-08-31T23:59:59Z', 18, '2027-02-28T23:59:59Z'],
  ['2026-12-31T00:00:00Z', 18, '2028-06-30T00:00:00Z'],
  ['2028-02-29T12:00:00Z', 12, '2029-02-28T12:00:00Z'],
])('%s and %i months are %s', (from, months, to) => {
  expect(formatTime(addMonths(at(from), months))).toBe(to)
})

it('writes times as RFC 3339 in whole seconds', () => {
  expect(formatTime(0)).toBe('1970-01-01T00:00:00Z')
  expect(formatDate(at('2026-11-23T10:11:12Z'))).toBe('2026-11-23')
})

it('writes times for people in whole minutes that have begun', () => {
  expect(formatMinute(at('2026-11-23T19:07:59Z'))).toBe('2026-11-23 19:07 UTC')
})

it.each([
  [0, '0 seconds'],
  [1, '1 second'],
  [119, '119 seconds'],
  [120, '2 minutes'],
  [7199, '119 minutes'],
  [7200, '2 hours'],
  [172_799, '47 hours'],
  [172_800, '2 days'],
])('%i seconds are %s', (seconds, text) => {
  expect(formatSpan(seconds)).toBe(text)
})
