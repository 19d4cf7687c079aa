import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemRandom } from '../../src/clock.ts'
import { utf8 } from '../../src/encoding.ts'
import { canonicalText, composeSigned, readSigned } from '../../src/pgp-mime/index.ts'

const HARD_MESSAGE = `From: Alice <alice@example.org>
Subject: trailing blanks
Content-Type: multipart/mixed; boundary="x"

--x
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

From the beginning: grün 
-- 
Alice

--x
Content-Type: message/rfc822

Subject: forwarded

kept \t
From line
--x--
`
let home: string

function gpg(args: readonly string[], input?: Uint8Array): string {
  const options = ['--homedir', home, '--batch', '--pinentry-mode', 'loopback', '--passphrase', '']
  return execFileSync('gpg', [...options, ...args], { input, encoding: 'utf8', stdio: ['pipe', 'pipe', 'pipe'] })
}

function verifies(signedBytes: Uint8Array, signature: Uint8Array): boolean {
  const file = join(home, 'signature.asc')
  writeFileSync(file, signature)
  try {
    return gpg(['--status-fd', '1', '--verify', file, '-'], signedBytes).includes('[GNUPG:] GOODSIG')
  } catch {
    return false
  }
}

const composeWithGpg = (message: string) =>
  composeSigned({
    message: utf8(message),
    sign: async (bytes) => gpg(['--armor', '--digest-algo', 'SHA512', '--detach-sign', '--output', '-'], bytes),
    micalg: 'pgp-sha512',
    random: systemRandom,
  })

beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'mailseal-gpg-'))
  gpg(['--quick-generate-key', 'Alice <alice@example.org>', 'ed25519', 'sign', 'never'])
})

afterAll(() => {
  execFileSync('gpgconf', ['--homedir', home, '--kill', 'all'])
  rmSync(home, { recursive: true, force: true })
})

test('a message signed with GnuPG verifies in GnuPG, also after its line ends went to LF and back', async () => {
  const composed = await composeWithGpg(HARD_MESSAGE)
  const withLf = utf8(Buffer.from(composed).toString().replaceAll('\r\n', '\n'))
  for (const message of [composed, withLf, canonicalText(withLf)]) {
    const signed = readSigned(message)
    expect(
      verifies(canonicalText(signed?.signedBytes ?? new Uint8Array()), signed?.signature ?? new Uint8Array()),
    ).toBe(true)
  }
})

test('with one byte of the signed part changed it does not', async () => {
  const composed = await composeWithGpg(HARD_MESSAGE)
  const changed = utf8(Buffer.from(composed).toString().replace('forwarded', 'Forwarded'))
  const signed = readSigned(changed)
  expect(verifies(canonicalText(signed?.signedBytes ?? new Uint8Array()), signed?.signature ?? new Uint8Array())).toBe(
    false,
  )
})

test('without the canonical form an LF message does not verify', async () => {
  const composed = await composeWithGpg(HARD_MESSAGE)
  const signed = readSigned(utf8(Buffer.from(composed).toString().replaceAll('\r\n', '\n')))
  expect(verifies(signed?.signedBytes ?? new Uint8Array(), signed?.signature ?? new Uint8Array())).toBe(false)
})
