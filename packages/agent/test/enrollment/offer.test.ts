import { readdir } from 'node:fs/promises'
import {
  deriveTemporaryKeySecrets,
  fromBase64url,
  generateTemporaryKey,
  parseTemporaryKey,
  systemRandom,
  toBase64url,
} from '@mailseal/common'
import { readAuthority, signAuthority } from '@mailseal/common/authority'
import { makeOffer, serverTimeMac } from '@mailseal/common/offer'
import { deriveQuorum } from '@mailseal/common/quorum-seed'
import { type Fetch, PATHS } from '@mailseal/common/rpc'
import { describe, expect, it } from 'vitest'
import { openState } from '../../src/state/state.ts'
import { makeOrganization, NOW, newAgent, SERVER, temporaryFolder } from '../organization.ts'

/** A KM server that shows one offer. */
function showing({ offer, mac, authority, macKey }: Record<'offer' | 'mac' | 'authority' | 'macKey', Uint8Array>) {
  const asked: string[] = []
  const fetch: Fetch = async (input, init) => {
    asked.push(new URL(String(input)).pathname)
    const nonce = fromBase64url(JSON.parse(String(init?.body)).nonce, 'nonce')
    return Response.json({
      offer: toBase64url(offer),
      mac: toBase64url(mac),
      authority: toBase64url(authority),
      time: NOW,
      timeMac: toBase64url(serverTimeMac(macKey, nonce, NOW)),
    })
  }
  return { asked, fetch }
}

describe('an offer from later than both clocks say', () => {
  // The KM server would refuse the certificate for ever, and the enrollment could never be finished.
  it('begins no enrollment', async () => {
    const { document } = await makeOrganization()
    const temporaryKey = generateTemporaryKey(systemRandom)
    const { macKey } = deriveTemporaryKeySecrets(parseTemporaryKey(temporaryKey))
    const address = 'alice@example.org'
    const times = { issued: NOW + 3601, notAfter: NOW + 10_000 }
    const who = { mailbox: 'ab'.repeat(16), userId: `<${address}>`, address, server: SERVER }
    const made = makeOffer({ ...who, ...times, authority: toBase64url(document.hash) }, macKey)
    const { asked, fetch } = showing({ ...made, authority: document.bytes, macKey })
    const { agent, home } = await newAgent({ fetch })
    await expect(agent.enroll({ temporaryKey, server: SERVER })).rejects.toMatchObject({
      code: 'clock-wrong',
      message:
        'the temporary key was issued on 2026-09-21 15:13 UTC, which is later than the clocks of this computer and the KM server say',
    })
    expect(asked).toEqual([PATHS.offer])
    expect(await readdir(home)).not.toContain('enrollment.pending')
  })
})

describe('an offer under a document that is older than the pinned one', () => {
  it('is refused before anything is sealed', async () => {
    const {
      format: _,
      root: __,
      bytes: ___,
      hash: ____,
      rootFingerprint: _____,
      ...content
    } = (await makeOrganization()).document
    const { root } = deriveQuorum(systemRandom(32))
    const written = {
      ...content,
      authorities: content.authorities.map((one) => ({ ...one, certificate: toBase64url(one.certificate) })),
      archiveKey: toBase64url(content.archiveKey),
      enrollmentKey: toBase64url(content.enrollmentKey),
      administrators: [],
    }
    const [older, newer] = [1, 2].map((version) => readAuthority(signAuthority(root, { ...written, version })))
    if (older === undefined || newer === undefined) throw new RangeError()
    const home = await temporaryFolder()
    const state = await openState(`${home}/state.sqlite`)
    await state.exclusively(async (writer) => writer.keepAuthority(newer))
    state.close()

    const temporaryKey = generateTemporaryKey(systemRandom)
    const { macKey } = deriveTemporaryKeySecrets(parseTemporaryKey(temporaryKey))
    const address = 'alice@example.org'
    const times = { issued: NOW, notAfter: NOW + 1000 }
    const who = { mailbox: 'ab'.repeat(16), userId: `<${address}>`, address, server: SERVER }
    const { offer, mac } = makeOffer({ ...who, ...times, authority: toBase64url(older.hash) }, macKey)
    const { asked, fetch } = showing({ offer, mac, authority: older.bytes, macKey })
    const { agent } = await newAgent({ home, fetch })
    await expect(agent.enroll({ temporaryKey, server: SERVER })).rejects.toMatchObject({
      code: 'untrusted',
      message: 'the authority document is older than the one held',
    })
    expect(asked).toEqual([PATHS.offer])
  })
})
