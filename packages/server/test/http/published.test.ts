import { toHex } from '@mailseal/common'
import { readAuthority } from '@mailseal/common/authority'
import { directoryAnswerSchema, PATHS } from '@mailseal/common/rpc'
import { readKeys } from 'openpgp'
import { describe, expect, it } from 'vitest'
import { enroll, organization, START } from '../organization.ts'
import { raw } from './raw.ts'

describe('what everybody may have', () => {
  it('is the name and version', async () => {
    const { url } = await organization()
    const { body } = await raw(url)
    expect(JSON.parse(body.toString())).toEqual({ name: 'mailseal-server', version: expect.any(String) })
  })

  it('is the authority document, by version too', async () => {
    const { url, rootFingerprint } = await organization()
    const newest = await raw(`${url}/v1/authority`)
    expect(readAuthority(newest.body)).toMatchObject({ rootFingerprint, version: 1, organization: 'Example Ltd' })
    expect((await raw(`${url}/v1/authority?version=1`)).body).toEqual(newest.body)
    expect(await raw(`${url}/v1/authority?version=2`)).toMatchObject({
      code: 'not-found',
      message: 'there is no authority document of version 2',
    })
    expect(await raw(`${url}/v1/authority?version=x`)).toMatchObject({
      code: 'bad-data',
      message: 'the version is not a number from 1 on',
    })
  })

  it('is the CA as OpenPGP programs take it', async () => {
    const { url } = await organization()
    const { body, headers } = await raw(`${url}/v1/ca`)
    expect(headers['content-type']).toBe('application/pgp-keys')
    const [ca, ...others] = await readKeys({ binaryKeys: body })
    expect(others).toEqual([])
    const { authorities } = readAuthority((await raw(`${url}/v1/authority`)).body)
    expect(ca?.getFingerprint()).toBe(authorities[0]?.fingerprint)
  })

  it('is answered with 304 while it is current', async () => {
    const org = await organization()
    const user = await enroll(org.rpc, await org.enabled('alice@example.org'))
    const paths = ['/v1/authority', '/v1/ca', '/v1/crl', `/v1/certificates/${user.key.fingerprint.toUpperCase()}`]
    for (const path of paths) {
      const { headers, status } = await raw(org.url + path)
      expect([status, headers['cache-control']], path).toEqual([200, 'no-cache'])
      const held = { 'if-none-match': `"other", W/${headers.etag}` }
      const again = await raw(org.url + path, { headers: held })
      expect([again.status, again.body.length, again.headers.etag], path).toEqual([304, 0, headers.etag])
      expect(await raw(org.url + path, { headers: { 'if-none-match': '"other"' } })).toMatchObject({ status: 200 })
    }
    const { headers } = await raw(`${org.url}/v1/crl`)
    expect(headers['last-modified']).toBe(new Date(START * 1000).toUTCString())
    await org.task('revoke', { addresses: ['alice@example.org'], reason: 'left' })
    const changed = await raw(`${org.url}/v1/crl`, { headers: { 'if-none-match': headers.etag ?? '' } })
    expect(changed.status).toBe(200)
  })

  it('is no certificate of somebody who has none', async () => {
    const org = await organization()
    await org.enabled('alice@example.org')
    for (const address of ['alice@example.org', 'nobody@example.org']) {
      expect(await raw(`${org.url}/v1/certificates/${address}`)).toMatchObject({
        status: 404,
        code: 'not-found',
        message: `${address} has no certificate here`,
      })
    }
    expect(await raw(`${org.url}/v1/certificates/${'0'.repeat(40)}`)).toMatchObject({
      status: 404,
      message: `no certificate here has the fingerprint ${'0'.repeat(40)}`,
    })
  })
})

describe('the directory', () => {
  it('opens to enrolled users alone, for as long as they are', async () => {
    const org = await organization()
    const alice = await enroll(org.rpc, await org.enabled('alice@example.org'))
    const bob = await enroll(org.rpc, await org.enabled('bob@example.org'))
    const read = (token?: string) => org.rpc.getJson(PATHS.directory, directoryAnswerSchema, token)
    const { certificates, next } = await read(alice.reply.directoryToken)
    expect(next).toBeNull()
    expect(certificates.map(({ address, certificate }) => [address, toHex(certificate)])).toEqual([
      ['alice@example.org', toHex(alice.reply.certificate)],
      ['bob@example.org', toHex(bob.reply.certificate)],
    ])
    const refused = { code: 'refused-by-policy', message: 'the directory opens to enrolled users only' }
    const [id = '', mac = ''] = bob.reply.directoryToken.split('.')
    for (const token of [undefined, 'x', `${id}.${mac.slice(0, -1)}`, `${alice.offer.mailbox}.${mac}`]) {
      await expect(read(token), token).rejects.toMatchObject(refused)
    }
    await org.task('revoke', { addresses: ['bob@example.org'], reason: 'left' })
    await expect(read(bob.reply.directoryToken)).rejects.toMatchObject(refused)
    expect((await read(alice.reply.directoryToken)).certificates).toHaveLength(1)
  })
})
