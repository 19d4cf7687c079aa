import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  encryptionKeyOf,
  makeUserKey,
  openMessage,
  parseCertificate,
  readMessageSignatures,
  readPrimarySecret,
  readSecretSubkeys,
  sealMessage,
  verifyMessageSignature,
} from '../../src/certificate/index.ts'
import { systemClock, systemRandom, utf8 } from '../../src/index.ts'

const NOW = systemClock.now()
const alice = await makeUserKey('Alice <alice@example.org>', NOW - 60)
const bob = await makeUserKey('Bob <bob@example.org>', NOW - 60)
let home: string

function gpg(args: readonly string[], input?: string): string {
  const options = ['--homedir', home, '--batch', '--yes', '--trust-model', 'always', '--passphrase', '']
  return execFileSync('gpg', [...options, ...args], { input, encoding: 'utf8', stdio: ['pipe', 'pipe', 'pipe'] })
}

beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'mailseal-gpg-'))
  for (const [name, { secretKey }] of Object.entries({ alice, bob })) {
    writeFileSync(join(home, name), secretKey)
    gpg(['--import', join(home, name)])
  }
})

afterAll(() => {
  execFileSync('gpgconf', ['--homedir', home, '--kill', 'all'])
  rmSync(home, { recursive: true, force: true })
})

describe('GnuPG', () => {
  it('opens what we seal, of every length of its last line, and finds the signature good', async () => {
    const signer = await readPrimarySecret(alice.secretKey)
    const key = await encryptionKeyOf(bob.certificate, NOW)
    const recipients = key === null ? [] : [key]
    for (const text of ['', 'x', 'xy', 'xyz'.repeat(1000)]) {
      const sealed = await sealMessage(utf8(text), { recipients, signer, at: NOW, random: systemRandom })
      const output = join(home, 'output')
      const status = gpg(['--status-fd', '1', '--output', output, '--decrypt'], sealed)
      expect(status).toContain(`[GNUPG:] VALIDSIG ${alice.fingerprint.toUpperCase()}`)
      expect(status).toContain('[GNUPG:] GOODMDC')
      expect(readFileSync(output, 'utf8')).toBe(text)
    }
  })

  it.each([
    ['without compression', ['--compress-algo', 'none']],
    ['compressed with zip', ['--compress-algo', 'zip']],
    ['compressed with zlib', ['--compress-algo', 'zlib']],
    ['compressed with bzip2', ['--compress-algo', 'bzip2']],
    ['as text', ['--textmode']],
    ['to a hidden recipient', ['--throw-keyids']],
  ])('seals %s what we open, with a signature that is right', async (_, options) => {
    const text = 'At noon?\r\n'.repeat(2000)
    const sealed = gpg([...options, '-u', 'alice@example.org', '-r', 'bob@example.org', '-sea'], text)
    const opened = await openMessage(utf8(sealed), await readSecretSubkeys(bob.secretKey))
    expect(Buffer.from(opened.content).toString().replaceAll('\r\n', '\n')).toBe(text.replaceAll('\r\n', '\n'))
    const [signature] = await readMessageSignatures(opened.signatures ?? new Uint8Array())
    const { primary } = await parseCertificate(alice.certificate)
    expect(signature && (await verifyMessageSignature(signature, primary, opened.content))).toBe(true)
  })
})
