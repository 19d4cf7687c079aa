import { describe, expect, it } from 'vitest'
import { crlFreshness } from '../../src/crl/freshness.ts'
import { content, NOW } from './lists.ts'

const { entries, ...fields } = content('ab'.repeat(20), { number: NOW + 3 })
const header = { ...fields, count: entries.length }

describe('crlFreshness', () => {
  it('is fresh until the next update was due, then stale', () => {
    expect(crlFreshness(header, NOW + 60)).toEqual({ state: 'fresh', number: NOW + 3, age: 60 })
    expect(crlFreshness(header, NOW + 86400)).toEqual({ state: 'fresh', number: NOW + 3, age: 86400 })
    expect(crlFreshness(header, NOW + 86401)).toEqual({ state: 'stale', number: NOW + 3, age: 86401 })
  })

  it('has no negative age where the clock is behind', () => {
    expect(crlFreshness(header, NOW - 200)).toEqual({ state: 'fresh', number: NOW + 3, age: 0 })
  })

  it('is missing without a list', () => {
    expect(crlFreshness(undefined, NOW)).toEqual({ state: 'missing', number: null, age: null })
  })
})
