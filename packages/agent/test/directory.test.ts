import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { toBase64url } from '@mailseal/common'
import { dayOf } from '@mailseal/common/crl'
import { type Fetch, PATHS } from '@mailseal/common/rpc'
import { describe, expect, it } from 'vitest'
import { letter } from './mail/messages.ts'
import {
  enrolledAgent,
  type Issued,
  makeOrganization,
  NOW,
  newAgent,
  published,
  SERVER,
  signedBy,
} from './organization.ts'

const organization = await makeOrganization()
const alice = await organization.issue('alice@example.org')
const bob = await organization.issue('bob@example.org')
const carol = await organization.issue('carol@example.org')

const row = ({ address, key, certificate }: Issued) => ({
  address,
  fingerprint: key.fingerprint,
  certificate: toBase64url(certificate),
})

/** A KM server whose directory has these pages; the tokens that it was shown come into `tokens`. */
async function serverWith(pages: readonly (readonly Issued[])[], tokens: (string | null)[] = []): Promise<Fetch> {
  const serve = published({ [PATHS.crl]: await organization.list(), [PATHS.authority]: organization.document.bytes })
  const ends = pages.map((page) => page.at(-1)?.address ?? '')
  return async (input, init) => {
    const url = new URL(String(input))
    if (url.pathname !== PATHS.directory) return serve(input, init)
    tokens.push(new Headers(init?.headers).get('authorization'))
    const after = url.searchParams.get('after')
    const index = after === null ? 0 : ends.indexOf(after) + 1
    const next = index < pages.length - 1 ? ends[index] : null
    return Response.json({ certificates: (pages[index] ?? []).map(row), next })
  }
}

describe('the directory', () => {
  it('comes page by page with the token, so that letters are verified without the server', async () => {
    const tokens: (string | null)[] = []
    const fetch = await serverWith([[alice], [bob], [carol]], tokens)
    const { agent, home } = await enrolledAgent(organization, alice, { fetch })
    expect((await agent.sync()).certificates).toBe(3)
    expect(tokens).toEqual(['Bearer token', 'Bearer token', 'Bearer token'])
    const { agent: offline } = await newAgent({ home })
    const signed = await signedBy(organization, carol, letter({ from: 'carol@example.org' }))
    expect(await offline.verify(signed)).toMatchObject({
      exitCode: 0,
      signature: { status: 'good', serial: carol.serial },
    })
  })

  it('gives nothing that the organization did not certify for that address', async () => {
    const elsewhere = await makeOrganization()
    const stranger = await elsewhere.issue('bob@example.org')
    const fetch = await serverWith([[stranger, { ...carol, address: 'boss@example.org' }]])
    const { agent } = await enrolledAgent(organization, alice, { fetch })
    expect((await agent.sync()).certificates).toBe(1)
  })

  it('that goes round in circles is left', async () => {
    const serve = await serverWith([])
    let asked = 0
    const fetch: Fetch = async (input, init) => {
      if (new URL(String(input)).pathname !== PATHS.directory) return serve(input, init)
      asked++
      return Response.json({ certificates: [], next: asked % 2 === 0 ? 'a@example.org' : 'b@example.org' })
    }
    const { agent } = await enrolledAgent(organization, alice, { fetch })
    await agent.sync()
    expect(asked).toBe(2)
  })

  it('that has another certificate for the own address is a warning', async () => {
    const other = await organization.issue('alice@example.org')
    const { agent } = await enrolledAgent(organization, alice, { fetch: await serverWith([[other]]) })
    await agent.sync()
    expect((await agent.status()).warnings).toEqual([
      {
        code: 'foreign-own-certificate',
        message: expect.stringContaining(`alice@example.org that is not yours (${other.key.fingerprint})`),
      },
    ])
  })

  it('is not asked for where others could read the token', async () => {
    const { agent, home } = await enrolledAgent(organization, alice)
    agent.close()
    const tokens: (string | null)[] = []
    const database = new DatabaseSync(join(home, 'state.sqlite'))
    database.prepare('UPDATE identity SET server = ?').run(SERVER.replace('127.0.0.1:1', 'km.example.org'))
    database.close()
    const { agent: open } = await newAgent({ home, fetch: await serverWith([[bob]], tokens) })
    expect((await open.sync()).warnings).toMatchObject([{ code: 'server-not-trusted' }])
    expect(tokens).toEqual([])
  })

  it('that is closed to a mailbox no longer Active is a warning', async () => {
    const serve = await serverWith([])
    const error = { code: 'refused-by-policy', message: 'the directory opens to enrolled users only' }
    const fetch: Fetch = async (input, init) =>
      new URL(String(input)).pathname === PATHS.directory
        ? Response.json({ error }, { status: 403 })
        : serve(input, init)
    const { agent } = await enrolledAgent(organization, alice, { fetch })
    expect((await agent.sync()).warnings).toEqual([error])
  })

  it('that is closed to a mailbox that was revoked says so by the revocation', async () => {
    const { serial, key } = alice
    const entries = [{ serial, revokedAt: NOW, expiryDay: dayOf(key.validTo), reason: 'left' }] as const
    const serve = published({
      [PATHS.crl]: await organization.list({ entries }),
      [PATHS.authority]: organization.document.bytes,
    })
    const error = { code: 'refused-by-policy', message: 'the directory opens to enrolled users only' }
    const fetch: Fetch = async (input, init) =>
      new URL(String(input)).pathname === PATHS.directory
        ? Response.json({ error }, { status: 403 })
        : serve(input, init)
    const { agent } = await enrolledAgent(organization, alice, { fetch })
    expect((await agent.sync()).warnings).toEqual([
      {
        code: 'own-certificate-revoked',
        message:
          'your certificate was revoked on 2026-09-21; ask your administrator for a new temporary key, then enroll again',
      },
    ])
  })
})
