import { systemRandom } from '@mailseal/common'
import { describe, expect, it } from 'vitest'
import { checkCredentials, makeAdministratorKey } from '../src/administrators.ts'
import { CHEAP_ARGON2 } from './cheap-argon2.ts'
import { initialized, NOW, PASSWORD } from './initialized.ts'

const anna = { administrator: 'anna', password: PASSWORD }
const bob = { administrator: 'björn', password: "Björn's own kettle is blue" }
const wrong = {
  code: 'password-wrong',
  message: 'administrator name or password is wrong',
  hint: 'type the name as the KM server knows it, and its password',
}

async function twoAdministrators() {
  const { store } = await initialized()
  const { keyPair, sealedPrivateKey } = await makeAdministratorKey(bob, { random: systemRandom, argon2: CHEAP_ARGON2 })
  const share = { sealedShare: new Uint8Array(1), shareHash: new Uint8Array(32) }
  const row = { name: 'björn', address: null, publicKey: keyPair.publicKey, sealedPrivateKey, ...share, added: NOW }
  await store.transaction((tx) => tx.addAdministrator(row))
  return { store, keyPair }
}

describe('credentials', () => {
  it('open the keys of the administrators whose passwords are right', async () => {
    const { store, keyPair } = await twoAdministrators()
    const verified = await checkCredentials(store, [anna, bob])
    expect(verified.map(({ name }) => name)).toEqual(['anna', 'björn'])
    expect(verified[1]?.keyPair).toEqual(keyPair)
  })

  it('count each administrator once', async () => {
    const { store } = await twoAdministrators()
    const decomposed = { administrator: ' bjo\u0308rn', password: bob.password.normalize('NFD') }
    expect(await checkCredentials(store, [bob, anna, bob, decomposed])).toHaveLength(2)
    expect(await checkCredentials(store, [])).toEqual([])
  })

  it('refuse all of them for one that is wrong, with one text for every cause', async () => {
    const { store } = await twoAdministrators()
    const bad = [
      [{ ...anna, password: `${PASSWORD} ` }],
      [{ ...anna, password: '' }],
      [{ administrator: 'nobody', password: PASSWORD }],
      [{ administrator: 'Anna', password: PASSWORD }],
      [{ administrator: 'anna', password: bob.password }],
      [anna, { ...bob, password: 'no' }],
      [anna, { ...anna, password: 'no' }],
    ]
    for (const credentials of bad) await expect(checkCredentials(store, credentials)).rejects.toMatchObject(wrong)
  })

  it('cost as much for a name that nobody has', async () => {
    const { store } = await initialized({ argon2: { memoryKiB: 128 * 1024, passes: 3, lanes: 1 } })
    const time = async (administrator: string) => {
      const before = performance.now()
      await expect(checkCredentials(store, [{ administrator, password: 'no' }])).rejects.toMatchObject(wrong)
      return performance.now() - before
    }
    await time('anna')
    const [known, unknown] = [await time('anna'), await time('nobody')]
    expect(unknown).toBeGreaterThan(known / 3)
  })

  it('do not open a key that stands under another name', async () => {
    const { store } = await initialized()
    const row = await store.read((reads) => reads.administrator('anna'))
    if (!row) throw new Error('no administrator')
    await store.transaction((tx) => tx.addAdministrator({ ...row, name: 'eve' }))
    await expect(checkCredentials(store, [{ administrator: 'eve', password: PASSWORD }])).rejects.toMatchObject(wrong)
  })
})
