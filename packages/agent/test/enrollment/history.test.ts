import { systemRandom } from '@mailseal/common'
import { sealHistory } from '@mailseal/common/history'
import { describe, expect, it } from 'vitest'
import { openRecovered } from '../../src/enrollment/history.ts'
import { makeOrganization } from '../organization.ts'

const organization = await makeOrganization()
const first = (await organization.issue('alice@example.org')).key
const second = (await organization.issue('alice@example.org')).key
const historyKey = systemRandom(32)

const damaged = (count: number, all: number) => [
  {
    code: 'history-damaged',
    message: `${count} of ${all} old encryption keys came back damaged: mail of their time does not open; ask your administrator to recover your key once more`,
  },
]

describe('recovered keys', () => {
  it('come back in their order', async () => {
    const sealed = sealHistory(historyKey, [first.secretSubkey, second.secretSubkey])
    expect(await openRecovered(historyKey, sealed)).toEqual({
      subkeys: [first.secretSubkey, second.secretSubkey],
      warnings: [],
    })
    expect(await openRecovered(historyKey, [])).toEqual({ subkeys: [], warnings: [] })
  })

  it('come back without those that are damaged, which are counted', async () => {
    const sealed = sealHistory(historyKey, [first.secretSubkey, second.secretSubkey])
    sealed[0]?.fill(7, 20, 30)
    expect(await openRecovered(historyKey, sealed)).toEqual({ subkeys: [second.secretSubkey], warnings: damaged(1, 2) })
  })

  it('come back without what is no bare secret subkey', async () => {
    const swapped = new Uint8Array(first.secretSubkey)
    // The last byte but two of the packet belongs to the secret: it no longer makes the public half.
    const at = swapped.length - 3
    swapped[at] = (swapped[at] as number) ^ 1
    const pieces = [
      first.secretKey,
      first.certificate,
      systemRandom(100),
      new Uint8Array(),
      swapped,
      second.secretSubkey,
    ]
    expect(await openRecovered(historyKey, sealHistory(historyKey, pieces))).toEqual({
      subkeys: [second.secretSubkey],
      warnings: damaged(5, 6),
    })
  })

  it('stay closed to an enrollment that an older version began, and to another temporary key', async () => {
    const sealed = sealHistory(historyKey, [first.secretSubkey])
    expect(await openRecovered(undefined, sealed)).toEqual({ subkeys: [], warnings: damaged(1, 1) })
    expect(await openRecovered(systemRandom(32), sealed)).toEqual({ subkeys: [], warnings: damaged(1, 1) })
  })
})
