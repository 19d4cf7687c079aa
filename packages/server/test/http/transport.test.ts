import { readFile } from 'node:fs/promises'
import { networkInterfaces } from 'node:os'
import { describe, expect, it } from 'vitest'
import { organization } from '../organization.ts'
import { JSON_TYPE, listBody, raw } from './raw.ts'

/** Made once with openssl for localhost; it guards nothing. */
const tlsFile = (name: string) => new URL(`tls/${name}`, import.meta.url)

const REFUSED = {
  status: 403,
  code: 'refused-by-policy',
  message: 'this is not taken over a connection that others could read',
}
const list = (url: string, headers: Record<string, string> = {}) =>
  raw(`${url}/v1/tasks/mailboxes.list`, { method: 'POST', headers: { ...JSON_TYPE, ...headers }, body: listBody() })

/** The same request on every path that takes or gives secrets. */
const confidential = (url: string, headers: Record<string, string>) =>
  Promise.all([
    list(url, headers),
    raw(`${url}/v1/enrollment-messages`, { method: 'POST', headers: { ...JSON_TYPE, ...headers }, body: '{}' }),
    raw(`${url}/v1/directory`, { headers }),
  ])

describe('passwords, temporary keys and the directory', () => {
  it('are taken on this machine itself', async () => {
    const { url } = await organization()
    expect(await list(url)).toMatchObject({ status: 200 })
    expect(await list(url, { host: 'localhost:8650' })).toMatchObject({ status: 200 })
  })

  it.each([
    ['forwarded by an undeclared proxy', { 'x-forwarded-for': '192.0.2.1' }],
    ['forwarded, by the standard header', { forwarded: 'for=192.0.2.1' }],
    ['forwarded, by Via', { via: '1.1 proxy' }],
    ['forwarded with the scheme claimed', { 'x-forwarded-proto': 'https' }],
    ['for another host, by DNS rebinding', { host: 'attacker.example' }],
    ['for a host that only begins like loopback', { host: '127.0.0.1.attacker.example' }],
  ])('are refused %s', async (_, headers) => {
    const { url } = await organization()
    for (const answer of await confidential(url, headers)) expect(answer).toMatchObject(REFUSED)
  })

  it('are refused on plain HTTP from elsewhere', async () => {
    const address = Object.values(networkInterfaces())
      .flat()
      .find((one) => one && !one.internal && one.family === 'IPv4')?.address
    expect(address, 'this test needs a network interface').toBeDefined()
    const org = await organization({ listen: '0.0.0.0:0', publicUrl: 'https://km.example.org' })
    const url = `http://${address}:${new URL(org.url).port}`
    for (const answer of await confidential(url, {})) expect(answer).toMatchObject(REFUSED)
    for (const answer of await confidential(url, { host: '127.0.0.1' })) expect(answer).toMatchObject(REFUSED)
    expect(await raw(`${url}/v1/authority`)).toMatchObject({ status: 200 })
  })

  it('are taken over TLS, whatever the headers say', async () => {
    const [cert, key] = await Promise.all([readFile(tlsFile('cert.pem')), readFile(tlsFile('key.pem'))])
    const { url } = await organization({ tls: { cert, key } })
    expect(url).toMatch(/^https:/)
    const headers = { ...JSON_TYPE, 'x-forwarded-for': '192.0.2.1' }
    const options = { method: 'POST', headers, body: listBody(), ca: cert }
    expect(await raw(`${url}/v1/tasks/mailboxes.list`, options)).toMatchObject({ status: 200 })
    await expect(organization({ tls: { cert, key: cert } })).rejects.toMatchObject({
      code: 'bad-data',
      message: 'TLS certificate and key do not belong together, or are damaged',
    })
  })

  it('are taken from a declared proxy with a public https address, and from no other', async () => {
    const headers = { host: 'km.example.org', 'x-forwarded-for': '192.0.2.1' }
    const declared = await organization({ publicUrl: 'https://km.example.org', trustedProxies: ['127.0.0.1'] })
    expect(await list(declared.url, headers)).toMatchObject({ status: 200 })
    expect(await list(declared.url, { ...headers, 'x-forwarded-proto': 'https' })).toMatchObject({ status: 200 })
    expect(await list(declared.url, { ...headers, 'x-forwarded-proto': 'http' })).toMatchObject(REFUSED)
    const other = await organization({ publicUrl: 'https://km.example.org', trustedProxies: ['192.0.2.7'] })
    expect(await list(other.url, headers)).toMatchObject(REFUSED)
    const plain = await organization({ publicUrl: 'http://km.example.org', trustedProxies: ['127.0.0.1'] })
    expect(await list(plain.url, headers)).toMatchObject(REFUSED)
  })
})

describe('a page of another site', () => {
  it('gets nothing done', async () => {
    const { url } = await organization()
    const foreign = { status: 403, code: 'refused-by-policy', message: 'the request comes from a page of another site' }
    for (const origin of ['https://attacker.example', 'null', 'http://127.0.0.1:1', 'x']) {
      expect(await list(url, { origin })).toMatchObject(foreign)
    }
    expect(await list(url, { origin: url })).toMatchObject({ status: 200 })
    const { port } = new URL(url)
    const local = { host: `localhost:${port}`, origin: `http://localhost:${port}` }
    expect(await list(url, local)).toMatchObject({ status: 200 })
    for (const path of ['/v1/enrollment/offer', '/v1/enrollment/request', '/v1/requests', '/v1/enrollment-messages']) {
      const headers = { ...JSON_TYPE, origin: 'https://attacker.example' }
      expect(await raw(url + path, { method: 'POST', headers, body: '{}' })).toMatchObject(foreign)
    }
  })
})

describe('the address to listen at', () => {
  it.each([
    [{ listen: '0.0.0.0:0' }, 'the address that users reach the server at is not known'],
    [{ listen: '[::]:0' }, 'the address that users reach the server at is not known'],
    [{ listen: '8650' }, 'this is no address to listen at'],
    [{ listen: '127.0.0.1:65536' }, 'this is no address to listen at'],
    [{ listen: '192.0.2.1:0' }, 'nothing can listen at 192.0.2.1, port 0 (EADDRNOTAVAIL)'],
    [{ trustedProxies: ['proxy.example.org'] }, 'a trusted proxy is named by its IP address'],
    [{ publicUrl: 'km.example.org' }, 'this is no address of a KM server'],
  ])('%j is refused', async (options, message) => {
    await expect(organization(options)).rejects.toMatchObject({ code: 'usage', message })
  })
})
