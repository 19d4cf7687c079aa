import { beforeAll, describe, expect, it } from 'vitest'
import {
  makeUserKey,
  parseCertificate,
  readPrimarySecret,
  signForPurpose,
  signMessage,
} from '../src/certificate/index.ts'
import { concat, systemRandom, toBase64url, toHex, utf8 } from '../src/index.ts'
import {
  readUserRequest,
  type SignedRequest,
  signUserRequest,
  type UserRequestContent,
  verifyUserRequest,
} from '../src/signed-request.ts'

const NOW = 1_790_000_000
const DOMAINS = ['example.org', 'example.net']
const AGENT = 'test/1'

let secret: Awaited<ReturnType<typeof readPrimarySecret>>
let primary: Awaited<ReturnType<typeof parseCertificate>>['primary']
let strangers: typeof primary

beforeAll(async () => {
  const key = await makeUserKey('Alice <alice@example.org>', NOW)
  secret = await readPrimarySecret(key.secretKey)
  primary = (await parseCertificate(key.certificate)).primary
  strangers = (await parseCertificate((await makeUserKey('Alice <alice@example.org>', NOW)).certificate)).primary
})

const common = () => ({ root: '0'.repeat(64), id: toHex(systemRandom(16)), time: NOW, serial: '00000000000000a1' })
const signature = toBase64url(new Uint8Array([1, 2, 3]))

const CONTENTS: Record<UserRequestContent['purpose'], () => UserRequestContent> = {
  report: () => ({ ...common(), purpose: 'report', body: { crlNumber: 7, agent: AGENT } }),
  renew: () => ({
    ...common(),
    purpose: 'renew',
    body: { selfSignature: signature, binding: signature, agent: AGENT },
  }),
  revoke: () => ({ ...common(), purpose: 'revoke', body: { reason: 'compromised', agent: AGENT } }),
}
const PURPOSES = Object.keys(CONTENTS) as UserRequestContent['purpose'][]

const untrusted = { code: 'untrusted', message: 'the request is not signed by the key of its certificate' }

describe.each(PURPOSES)('a signed request to %s', (purpose) => {
  const signed = () => signUserRequest(secret, 'example.org', CONTENTS[purpose]())

  it('is read and verified, by any of the domains that its organization has', async () => {
    const request = await signed()
    const content = await verifyUserRequest(primary, DOMAINS, request)
    expect(content).toEqual(readUserRequest(request.request))
    expect(content).toMatchObject({ purpose, time: NOW, serial: '00000000000000a1' })
  })

  it("is nobody's under another key, another organization's domain or changed", async () => {
    const request = await signed()
    const refused = (change: Partial<SignedRequest>, key = primary, domains = DOMAINS) =>
      expect(verifyUserRequest(key, domains, { ...request, ...change })).rejects.toMatchObject(untrusted)
    await refused({}, strangers)
    await refused({}, primary, ['example.com'])
    await refused({ request: utf8(new TextDecoder().decode(request.request).replace(AGENT, 'test/2')) })
    await refused({ signature: new Uint8Array(0) })
    await refused({ signature: concat(request.signature, request.signature) })
    for (let at = 0; at < request.signature.length; at++) {
      const changed = new Uint8Array(request.signature)
      changed[at] = (changed[at] as number) ^ 0x01
      await refused({ signature: changed })
    }
  })

  it('cannot be made of a signature for anything else', async () => {
    const { request } = await signed()
    const bytes = concat(utf8('mailseal/1 signed request\n'), request)
    const letter = await signMessage(secret, bytes, NOW)
    const binary = new Uint8Array(Buffer.from(letter.split('\n\n')[1]?.split('\n=')[0] ?? '', 'base64'))
    const refused = (signature: Uint8Array) =>
      expect(verifyUserRequest(primary, DOMAINS, { request, signature })).rejects.toMatchObject(untrusted)
    await refused(binary)
    const options = { domain: 'example.org', bytes, at: NOW }
    for (const other of PURPOSES.filter((one) => one !== purpose)) {
      await refused(await signForPurpose(secret, { ...options, purpose: `request-${other}` }))
    }
    const own = { ...options, purpose: `request-${purpose}` } as const
    await refused(await signForPurpose(secret, { ...own, at: NOW + 1 }))
    await refused(await signForPurpose(secret, { ...own, bytes: request }))
    // Every refusal above has its own cause: this is what is wanted.
    await verifyUserRequest(primary, DOMAINS, { request, signature: await signForPurpose(secret, own) })
  })
})

it('a request has the body of its purpose', async () => {
  const { request } = await signUserRequest(secret, 'example.org', CONTENTS.report())
  const mixed = utf8(new TextDecoder().decode(request).replace('"purpose":"report"', '"purpose":"revoke"'))
  expect(() => readUserRequest(mixed)).toThrow(expect.objectContaining({ code: 'bad-data' }))
})
