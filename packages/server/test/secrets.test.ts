import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { deriveTemporaryKeySecrets, fromBase64url, parseTemporaryKey, toBase64url, toHex, utf8 } from '@mailseal/common'
import { PATHS, sendMessageAnswerSchema } from '@mailseal/common/rpc'
import { expect, it } from 'vitest'
import {
  enroll,
  holds,
  issuedOf,
  type Organization,
  organization,
  PASSWORD,
  STARTUP_SECRET,
  sendReport,
  signReport,
  soleResult,
} from './organization.ts'

/** Every file of the data folder, as it lies on the disk. */
async function everyByte({ dataFolder }: Organization): Promise<Map<string, Uint8Array>> {
  const files = await readdir(dataFolder, { recursive: true, withFileTypes: true })
  const paths = files.filter((file) => file.isFile()).map(({ parentPath, name }) => join(parentPath, name))
  return new Map(await Promise.all(paths.map(async (path) => [path, await readFile(path)] as const)))
}

it('leaves no temporary key, password or secret in the data folder or the log, while it runs and afterwards', async () => {
  const org = await organization()
  const issued = await org.enabled('alice@example.org')
  const message = utf8(`To: alice@example.org\r\n\r\n${issued.temporaryKey}\r\n`)
  const body = { sendToken: issued.sendToken, message: toBase64url(message) }
  await org.rpc.post(PATHS.enrollmentMessages, body, sendMessageAnswerSchema)
  const secrets = deriveTemporaryKeySecrets(parseTemporaryKey(issued.temporaryKey))
  const user = await enroll(org.rpc, issued)
  await sendReport(org.rpc, await signReport(user))
  const recovery = issuedOf(await org.task('recover', { addresses: ['alice@example.org'] }))
  const recovered = await enroll(org.rpc, recovery)
  expect(recovered.reply.recovered).toHaveLength(1)
  const secondRecovery = issuedOf(await org.task('recover', { addresses: ['alice@example.org'] }))
  await org.task('cancel', { addresses: ['alice@example.org'] })
  const unused = issuedOf(await org.task('recover', { addresses: ['alice@example.org'] }))
  const waiting = await org.enabled('bob@example.org')
  const voided = await org.enabled('carol@example.org')
  await org.task('cancel', { addresses: ['carol@example.org'] })
  const wrong = [{ administrator: 'admin', password: 'a wrong password typed' }]
  await org.task('journal', {}, { credentials: wrong }).catch(() => undefined)

  const keys = [issued, recovery, secondRecovery, unused, waiting, voided].flatMap(({ temporaryKey }) => {
    const secret = parseTemporaryKey(temporaryKey)
    const { psk, macKey, historyKey } = deriveTemporaryKeySecrets(secret)
    return [temporaryKey, temporaryKey.replaceAll('-', ''), secret, psk, macKey, historyKey]
  })
  const needles = [
    ...keys,
    PASSWORD,
    STARTUP_SECRET,
    'a wrong password typed',
    issued.sendToken ?? '',
    fromBase64url(issued.sendToken ?? '', 'token'),
    user.reply.directoryToken,
    // The secret scalar stands at the packet's end, before its two octets of checksum.
    ...[user, recovered].flatMap(({ key }) => [key.secretSubkey.slice(-34, -2), key.secretKey]),
  ].flatMap((needle) =>
    typeof needle === 'string' ? [utf8(needle)] : [needle, utf8(toHex(needle)), utf8(toBase64url(needle))],
  )
  for (const needle of needles) expect(needle.length).toBeGreaterThan(8)

  const search = async () => {
    const files = await everyByte(org)
    expect([...files.keys()].some((path) => path.endsWith('.sqlite'))).toBe(true)
    for (const [path, bytes] of files) {
      for (const needle of needles) expect(holds(bytes, needle), `${path}: ${Buffer.from(needle)}`).toBe(false)
    }
    // What must be there: the search can find.
    expect([...files.values()].some((bytes) => holds(bytes, secrets.pskId))).toBe(true)
    const log = utf8(org.logged.join('\n'))
    for (const needle of needles) expect(holds(log, needle)).toBe(false)
  }
  // With a history that waits under a live temporary key, and without.
  await search()
  soleResult(await org.task('revoke', { addresses: ['alice@example.org'], reason: 'compromised' }))
  await search()
  await org.stop()
  await search()
})
