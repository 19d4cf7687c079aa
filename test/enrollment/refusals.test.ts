import { readdir } from 'node:fs/promises'
import { canonicalJson, fromBase64url, systemClock, systemRandom, toBase64url, utf8 } from '@mailseal/common'
import { readAuthority, signAuthority } from '@mailseal/common/authority'
import { makeOffer, readOffer } from '@mailseal/common/offer'
import { deriveQuorum } from '@mailseal/common/quorum-seed'
import { PATHS } from '@mailseal/common/rpc'
import { generateSealingKeyPair } from '@mailseal/common/sealed-channel'
import { describe, expect, it } from 'vitest'
import {
  agentAt,
  changedJson,
  invitationOf,
  network,
  newAgent,
  newHome,
  newMailbox,
  organization,
  sealedIn,
  secretsOf,
  useOrganization,
} from '../support/enrolling.ts'

useOrganization({ mailboxes: 25 })

describe('what is noticed before anything is sent', () => {
  it('one character wrong', async () => {
    const issued = await newMailbox()
    const { fetch, requests } = network()
    const { agent } = await newAgent({ fetch })
    const wrong = issued.temporaryKey.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'))
    await expect(agent.enroll({ temporaryKey: wrong, invitation: invitationOf(issued) })).rejects.toMatchObject({
      code: 'temporary-key-mistyped',
      exitCode: 106,
    })
    expect(requests).toEqual([])
  })

  it('the temporary key of another message', async () => {
    const [issued, other] = [await newMailbox(), await newMailbox()]
    const { fetch, requests } = network()
    const { agent } = await newAgent({ fetch })
    const enrollment = { temporaryKey: other.temporaryKey, invitation: invitationOf(issued) }
    await expect(agent.enroll(enrollment)).rejects.toMatchObject({
      code: 'untrusted',
      message: 'the offer was not made for this temporary key',
    })
    expect(requests).toEqual([])
  })

  it('another address than expected, in the message', async () => {
    const issued = await newMailbox()
    const { fetch, requests } = network()
    const { agent } = await newAgent({ fetch })
    const { temporaryKey } = issued
    const enrollment = { temporaryKey, invitation: invitationOf(issued), address: 'boss@example.org' }
    await expect(agent.enroll(enrollment)).rejects.toMatchObject({
      code: 'untrusted',
      message: `the temporary key is for ${issued.address}, not for boss@example.org`,
    })
    expect(requests).toEqual([])
  })

  it('a server that nothing vouches for, in the message', async () => {
    const issued = await newMailbox()
    const { macKey } = secretsOf(issued.temporaryKey)
    const { bytes: _, hash: __, format: ___, authority, ...offer } = readOffer(issued, macKey)
    const foreign = makeOffer(
      { ...offer, authority: toBase64url(authority), server: 'https://km.evil.example' },
      macKey,
    )
    const invitation = { ...invitationOf(issued), ...foreign }
    const asked: object[] = []
    const { fetch, requests } = network()
    const confirmServer = async (introduction: object) => {
      asked.push(introduction)
      return false
    }
    const { agent } = await newAgent({ fetch, confirmServer })
    await expect(agent.enroll({ temporaryKey: issued.temporaryKey, invitation })).rejects.toMatchObject({
      code: 'server-not-trusted',
      exitCode: 108,
      message: 'nothing vouches for the KM server at https://km.evil.example',
    })
    expect(requests).toEqual([])
    const { rootFingerprint } = readAuthority(issued.authority)
    expect(asked).toEqual([
      { server: 'https://km.evil.example/', organization: 'Example Organization', rootFingerprint },
    ])
  })
})

describe('a man in the middle', () => {
  /** The authority document with some members replaced, signed by a root of the attacker's own. */
  async function forged(authority: Uint8Array, change: object): Promise<Uint8Array> {
    const { document } = JSON.parse(new TextDecoder().decode(authority))
    const { root } = deriveQuorum(systemRandom(32))
    const { format: _, root: __, ...content } = document
    return signAuthority(root, { ...content, ...change })
  }

  it.each([
    ['enrollmentKey', true],
    ['enrollmentKey', false],
    ['archiveKey', true],
    ['archiveKey', false],
  ])(
    'who swaps the %s under his own root (message at hand: %s) is noticed before anything is sealed',
    async (member, withMessage) => {
      const issued = await newMailbox()
      const { publicKey } = await generateSealingKeyPair()
      const authority = await forged(issued.authority, { [member]: toBase64url(publicKey), version: 2 })
      const middle = network({
        path: PATHS.offer,
        answer: changedJson((body) => ({ ...body, authority: toBase64url(authority) })),
      })
      const { agent, home } = await newAgent({ fetch: middle.fetch })
      const enrollment = { temporaryKey: issued.temporaryKey, server: organization.url }
      const failing = agent.enroll(withMessage ? { ...enrollment, invitation: invitationOf(issued) } : enrollment)
      await expect(failing).rejects.toMatchObject({ code: 'untrusted', exitCode: 102 })
      expect(sealedIn(middle.pathsOf())).toEqual([])
      expect(await readdir(home)).not.toContain('enrollment.pending')
    },
  )

  it('who changes a key and keeps the signature is noticed before anything is sealed', async () => {
    const issued = await newMailbox()
    const { publicKey } = await generateSealingKeyPair()
    const document = JSON.parse(new TextDecoder().decode(issued.authority))
    const swapped = { ...document, document: { ...document.document, enrollmentKey: toBase64url(publicKey) } }
    const authority = toBase64url(canonicalJson(swapped))
    const middle = network({ path: PATHS.offer, answer: changedJson((body) => ({ ...body, authority })) })
    const { agent } = await newAgent({ fetch: middle.fetch })
    await expect(agent.enroll({ temporaryKey: issued.temporaryKey, server: organization.url })).rejects.toMatchObject({
      code: 'untrusted',
      message: 'the authority document is not signed by its root',
    })
    const invitation = { ...invitationOf(issued), authority: fromBase64url(authority, 'authority') }
    const { agent: other } = await newAgent({ fetch: middle.fetch })
    await expect(other.enroll({ temporaryKey: issued.temporaryKey, invitation })).rejects.toMatchObject({
      code: 'untrusted',
    })
    expect(sealedIn(middle.pathsOf())).toEqual([])
  })

  it('who changes the offer, or the time, is noticed before anything is sealed', async () => {
    const issued = await newMailbox()
    const offer = (body: Record<string, unknown>) => ({
      ...body,
      offer: toBase64url(utf8(Buffer.from(String(body.offer), 'base64url').toString().replace('user', 'boss'))),
    })
    const time = (body: Record<string, unknown>) => ({ ...body, time: Number(body.time) + 1 })
    for (const [change, message] of [
      [offer, 'the offer was not made for this temporary key'],
      [time, 'the answer does not come from the KM server that issued the temporary key'],
    ] as const) {
      const middle = network({ path: PATHS.offer, answer: changedJson(change) })
      const { agent } = await newAgent({ fetch: middle.fetch })
      const enrollment = { temporaryKey: issued.temporaryKey, server: organization.url }
      await expect(agent.enroll(enrollment)).rejects.toMatchObject({ code: 'untrusted', message })
      expect(sealedIn(middle.pathsOf())).toEqual([])
    }
  })

  it('who answers with the reply to something else gets nowhere, and nothing is lost', async () => {
    const issued = await newMailbox()
    const reply = toBase64url(systemRandom(400))
    const middle = network({ path: PATHS.enroll, answer: async () => Response.json({ reply }) })
    const home = await newHome()
    const enrollment = { temporaryKey: issued.temporaryKey, server: organization.url }
    await expect((await agentAt(home, { fetch: middle.fetch })).enroll(enrollment)).rejects.toMatchObject({
      code: 'untrusted',
      message: 'the answer is not the reply to this enrollment',
    })
    const result = await (await agentAt(home)).enroll(enrollment)
    expect(result).toMatchObject({ address: issued.address, continued: true })
  })

  it('who swaps the revocation list is noticed before the key file is written', async () => {
    const issued = await newMailbox()
    const crl = async (response: Response) => {
      const bytes = new Uint8Array(await response.arrayBuffer())
      bytes[47] = (bytes[47] ?? 0) ^ 1
      return new Response(bytes)
    }
    const { agent, home } = await newAgent({ fetch: network({ path: PATHS.crl, answer: crl }).fetch })
    const enrollment = { temporaryKey: issued.temporaryKey, server: organization.url }
    await expect(agent.enroll(enrollment)).rejects.toMatchObject({
      code: 'revocation-list-refused',
      message: 'the revocation list has a bad signature',
    })
    expect(await readdir(home)).toContain('enrollment.pending')
    expect(await readdir(home)).not.toContain('mailseal.keyfile')
  })
})

describe('a clock', () => {
  it.each([-600, 600])('that is wrong by %s seconds is noticed before anything is sealed', async (offset) => {
    const issued = await newMailbox()
    const { fetch, pathsOf } = network()
    const clock = { now: () => systemClock.now() + offset }
    const { agent } = await newAgent({ fetch, clock })
    const enrollment = { temporaryKey: issued.temporaryKey, invitation: invitationOf(issued) }
    await expect(agent.enroll(enrollment)).rejects.toMatchObject({
      code: 'clock-wrong',
      message: expect.stringMatching(/ differ by (9|10) minutes$/),
    })
    expect(sealedIn(pathsOf())).toEqual([])
  })
})
