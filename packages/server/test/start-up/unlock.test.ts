import { utf8 } from '@mailseal/common'
import { readAuthority } from '@mailseal/common/authority'
import { readAuthorityKey, signForPurpose, verifyForPurpose } from '@mailseal/common/certificate'
import { openSealed, sealTo } from '@mailseal/common/sealed-channel'
import { describe, expect, it, onTestFinished } from 'vitest'
import { unlock } from '../../src/start-up/index.ts'
import { openSqliteStore } from '../../src/store/sqlite/index.ts'
import { initialized, NOW, STARTUP_SECRET } from '../initialized.ts'
import { temporaryFolder } from '../store/back-ends.ts'

describe('unlock', () => {
  it('opens the CA whose certificate the authority document holds', async () => {
    const { store, caFingerprint } = await initialized()
    const { ca } = await unlock(store, STARTUP_SECRET)
    expect(ca.fingerprint).toBe(caFingerprint)
    const bytes = utf8('a list')
    const signature = await signForPurpose(ca.key, {
      purpose: 'revocation-list',
      domain: 'example.org',
      bytes,
      at: NOW,
    })
    const row = await store.read((reads) => reads.latestAuthorityDocument())
    const [authority] = readAuthority(row?.bytes ?? bytes).authorities
    const key = await readAuthorityKey(authority?.certificate ?? bytes)
    const options = { purpose: 'revocation-list', domains: ['example.org'], bytes, signature } as const
    expect(await verifyForPurpose(key, options)).toBe(NOW)
  })

  it('opens the enrollment key of a document, unless it was erased', async () => {
    const { store } = await initialized()
    const unlocked = await unlock(store, STARTUP_SECRET)
    const row = await store.read((reads) => reads.latestAuthorityDocument())
    if (!row) throw new Error('no document')
    const authority = readAuthority(row.bytes)
    const pair = unlocked.enrollmentKey({ authority, row })
    if (!pair) throw new Error('no key')
    const common = { kind: 'MSEALREQ', info: utf8('test') } as const
    const sealed = await sealTo(authority.enrollmentKey, { ...common, plaintext: utf8('hello') })
    expect(await openSealed(pair, { ...common, sealed })).toEqual(utf8('hello'))
    expect(unlocked.enrollmentKey({ authority, row: { ...row, sealedEnrollmentKey: null } })).toBeNull()
  })

  it('seals what the next start opens, under its label only', async () => {
    const { store } = await initialized()
    const sealed = (await unlock(store, STARTUP_SECRET)).seal('label', utf8('secret'))
    const later = await unlock(store, STARTUP_SECRET)
    expect(later.open('label', sealed)).toEqual(utf8('secret'))
    expect(() => later.open('other', sealed)).toThrow(
      expect.objectContaining({ code: 'cannot-decrypt', message: 'a secret of the KM server cannot be opened' }),
    )
  })

  it('has a directory key that lasts, of this organization alone', async () => {
    const [one, other] = [await initialized(), await initialized()]
    const keyOf = async ({ store }: typeof one) => (await unlock(store, STARTUP_SECRET)).directoryTokenKey
    expect(await keyOf(one)).toEqual(await keyOf(one))
    expect(await keyOf(one)).not.toEqual(await keyOf(other))
    expect(await keyOf(one)).toHaveLength(32)
  })

  it('refuses a wrong start-up secret', async () => {
    const { store } = await initialized()
    await expect(unlock(store, `${STARTUP_SECRET}.`)).rejects.toMatchObject({
      code: 'password-wrong',
      message: 'the start-up secret is wrong',
      hint: 'give the file that init made: --startup-secret-file FILE',
    })
  })

  it('refuses a database that was not initialized', async () => {
    const store = await openSqliteStore(`${await temporaryFolder()}/empty.sqlite`, { create: true })
    onTestFinished(() => store.close())
    await expect(unlock(store, STARTUP_SECRET)).rejects.toMatchObject({
      code: 'not-found',
      message: 'the KM server is not initialized',
      hint: expect.stringContaining('mailseal-server init'),
    })
  })
})
