import { toHex } from '@mailseal/common'
import { trustedAuthorities } from '@mailseal/common/authority'
import { evaluateCertificate, validToOf, verifyForPurpose } from '@mailseal/common/certificate'
import { checkCrl } from '@mailseal/common/crl'
import { PATHS } from '@mailseal/common/rpc'
import { expect, it } from 'vitest'
import { enroll, issuedOf, organization, START, sendReport, signReport } from './organization.ts'

it('takes a mailbox through its whole life', async () => {
  const org = await organization()
  const { mailbox } = await org.task('mailboxes.add', { address: 'alice@EXAMPLE.org', name: ' Alice ' })
  expect(mailbox).toEqual({
    id: expect.stringMatching(/^[0-9a-f]{32}$/),
    address: 'alice@example.org',
    name: 'Alice',
    status: 'Undefined',
    certificate: null,
    temporaryKey: null,
    lastReport: null,
    archivedKeys: 0,
  })

  const issued = issuedOf(await org.task('enable', { addresses: ['alice@example.org'] }))
  expect(issued).toMatchObject({ status: 'New', expires: START + 14 * 86400 })
  expect(issued.temporaryKey).toMatch(/^([0-9A-HJKMNP-TV-Z]{5}-){4}[0-9A-HJKMNP-TV-Z]{5}$/)

  const alice = await enroll(org.rpc, issued)
  expect(alice.authority.rootFingerprint).toBe(org.rootFingerprint)
  expect(alice.offer).toMatchObject({ userId: 'Alice <alice@example.org>', server: org.url })
  const authorities = await trustedAuthorities(alice.authority)
  const evaluated = await evaluateCertificate(alice.reply.certificate, authorities, alice.authority.domains)
  const { serial } = alice.reply
  expect(evaluated).toMatchObject({
    fingerprint: alice.key.fingerprint,
    certifications: [{ serial, validFrom: START, validTo: validToOf(START) }],
    revocations: [],
  })

  await expect(sendReport(org.rpc, await signReport(alice))).resolves.toEqual({ crlNumber: START })
  const active = await org.task('mailboxes.list', { status: 'Active' })
  expect(active.mailboxes).toEqual([
    {
      ...mailbox,
      status: 'Active',
      certificate: {
        serial,
        fingerprint: alice.key.fingerprint,
        validFrom: START,
        validTo: validToOf(START),
        renewFrom: expect.any(Number),
        expired: false,
      },
      lastReport: { time: START, crlNumber: 7, version: 'test/1' },
      archivedKeys: 1,
    },
  ])
  const byAddress = await org.rpc.getBytes(`${PATHS.certificates}alice@example.org`, 10_000)
  expect(toHex(byAddress?.bytes ?? new Uint8Array())).toBe(toHex(alice.reply.certificate))

  org.clock.at += 60
  const { results } = await org.task('revoke', { addresses: ['alice@example.org'], reason: 'compromised' })
  expect(results).toEqual([
    { address: 'alice@example.org', status: 'Disabled', serials: [serial], crlNumber: START + 60 },
  ])
  const list = await org.rpc.getBytes(PATHS.crl, 10_000)
  const [ca] = authorities
  const parsed = await checkCrl(list?.bytes ?? new Uint8Array(), {
    authorities: new Set(authorities.map(({ fingerprint }) => fingerprint)),
    verify: async (bytes, signature) => {
      if (ca === undefined) return false
      const options = { purpose: 'revocation-list', domains: alice.authority.domains, bytes, signature } as const
      return (await verifyForPurpose(ca.key, options)) === START + 60
    },
    now: START + 60,
  })
  const expiryDay = Math.floor(validToOf(START) / 86400)
  expect([...parsed.entries]).toEqual([{ serial, revokedAt: START + 60, expiryDay, reason: 'compromised' }])

  const published = async (name: string) =>
    (await org.rpc.getBytes(PATHS.certificates + name, 10_000))?.bytes ?? new Uint8Array()
  const ended = await published('alice@example.org')
  expect(toHex(await published(alice.key.fingerprint))).toBe(toHex(ended))
  expect(await evaluateCertificate(ended, authorities, alice.authority.domains)).toMatchObject({
    fingerprint: alice.key.fingerprint,
    certifications: [{ serial }],
    revocations: [{ kind: 'certification', at: START + 60, reason: 'compromised' }, { kind: 'key' }],
  })
  await expect(sendReport(org.rpc, await signReport(alice, { time: START + 60 }))).rejects.toMatchObject({
    code: 'certificate-revoked',
    message: `the certificate with serial number ${serial} is revoked`,
  })
  const disabled = await org.task('mailboxes.list', {})
  expect(disabled.mailboxes).toMatchObject([{ status: 'Disabled', certificate: null }])

  const { entries, head } = await org.task('journal', {})
  expect(entries.map(({ index, task, subject, result }) => [index, task, subject, result])).toEqual([
    [1, 'init', 'Example Ltd', 'done'],
    [2, 'mailboxes.add', 'alice@example.org', 'done'],
    [3, 'enable', 'alice@example.org', 'done'],
    [4, 'enroll', 'alice@example.org', 'done'],
    [5, 'revoke', 'alice@example.org', 'done'],
  ])
  expect(entries.at(-1)).toMatchObject({ administrators: ['admin'], hash: head, time: START + 60 })
  expect(parsed.header.journal).toEqual({ index: 5, head })
  expect(org.logged).toEqual([])
})
