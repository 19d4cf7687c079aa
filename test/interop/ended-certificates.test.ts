import { SPANS, systemClock, systemRandom } from '@mailseal/common'
import {
  asRenewedCertificate,
  certify,
  endCertificate,
  generateSerial,
  makeAuthorityKey,
  makeRenewal,
  makeUserKey,
  parseCertificate,
  readPrimarySecret,
  revokeCertification,
  signMessage,
} from '@mailseal/common/certificate'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openpgpProgram, PROGRAM_NAMES, type ProgramName } from '../support/openpgp-programs/index.ts'

const DATA = new TextEncoder().encode('Ten thousand.\r\n')
const DOMAIN = 'example.org'
/** The programs have no clock but the machine's. */
const NOW = systemClock.now()
const YESTERDAY = NOW - SPANS.day

/** A key enrolled so many days ago with its CA, as the KM server would have certified it. */
async function enrolled(days: number) {
  const begun = NOW - days * SPANS.day
  const ca = await readPrimarySecret((await makeAuthorityKey('Example <openpgp-ca@example.org>', begun)).secretKey)
  const key = await makeUserKey('Alice <alice@example.org>', begun)
  const { validFrom, validTo } = key
  const serial = generateSerial(systemRandom)
  const options = { serial, domain: DOMAIN, validFrom, validTo }
  const certificate = await certify(ca, await parseCertificate(key.certificate), options)
  return { ca, key, primary: await readPrimarySecret(key.secretKey), certificate }
}

type Enrolled = Awaited<ReturnType<typeof enrolled>>

async function renewed({ ca, primary, certificate }: Enrolled, at: number) {
  const parsed = await parseCertificate(certificate)
  const checked = await asRenewedCertificate(parsed, await makeRenewal(primary, parsed, at), at)
  const serial = generateSerial(systemRandom)
  return certify(ca, checked, { serial, domain: DOMAIN, validFrom: at, validTo: checked.validTo })
}

/** What is published for this reason, whatever the key's last certificate is. */
async function ended({ ca, key }: Enrolled, bytes: Uint8Array, reason: 'replaced' | 'compromised') {
  const certificate = await parseCertificate(bytes)
  const options = { serial: generateSerial(systemRandom), domain: DOMAIN, reason, at: YESTERDAY }
  return endCertificate(certificate, {
    certificationRevocation: await revokeCertification(ca, certificate, options),
    subkeyRevocation: key.subkeyRevocation,
    keyRevocation: reason === 'compromised' ? key.keyRevocation : null,
  })
}

async function opened(name: ProgramName, { key }: Enrolled) {
  const program = await openpgpProgram(name)
  onTestFinished(() => program.end())
  return { ...program, refresh: (certificate: Uint8Array) => program.learn(certificate, key.fingerprint) }
}

describe.each(PROGRAM_NAMES)('%s, after the certificate was fetched again', (name) => {
  // What is published for one who left has the same packets as for a replaced key.
  it.each(['replaced', 'compromised'] as const)('no longer encrypts to one that ended as %s', async (reason) => {
    const user = await enrolled(30)
    const signature = await signMessage(user.primary, DATA, YESTERDAY - SPANS.day)
    const program = await opened(name, user)
    await program.refresh(user.certificate)
    expect([await program.encrypts(), await program.verifies(DATA, signature)]).toEqual([true, true])
    await program.refresh(await ended(user, user.certificate, reason))
    expect(await program.encrypts()).toBe(false)
    // Nobody knows since when a stolen key was used: every signature of it is suspect.
    expect(await program.verifies(DATA, signature)).toBe(reason !== 'compromised')
  })

  it('takes a renewed certificate for what it is, and for ended when that ends', async () => {
    const user = await enrolled(18 * 31 + 5)
    const first = await signMessage(user.primary, DATA, YESTERDAY - 60 * SPANS.day)
    const program = await opened(name, user)
    await program.refresh(user.certificate)
    expect(await program.encrypts()).toBe(false)
    const certificate = await renewed(user, YESTERDAY - SPANS.day)
    const second = await signMessage(user.primary, DATA, YESTERDAY - 1)
    await program.refresh(certificate)
    const verified = async () => [await program.verifies(DATA, first), await program.verifies(DATA, second)]
    expect([await program.encrypts(), ...(await verified())]).toEqual([true, true, true])
    await program.refresh(await ended(user, certificate, 'replaced'))
    expect([await program.encrypts(), ...(await verified())]).toEqual([false, true, true])
  })
})

it('a key that ended as replaced and is compromised later is compromised to every program', async () => {
  const user = await enrolled(30)
  const signature = await signMessage(user.primary, DATA, YESTERDAY - SPANS.day)
  const replaced = await ended(user, user.certificate, 'replaced')
  const compromised = await ended(user, replaced, 'compromised')
  for (const name of PROGRAM_NAMES) {
    const program = await opened(name, user)
    await program.refresh(replaced)
    expect(await program.verifies(DATA, signature), name).toBe(true)
    await program.refresh(compromised)
    expect([await program.encrypts(), await program.verifies(DATA, signature)], name).toEqual([false, false])
  }
})
