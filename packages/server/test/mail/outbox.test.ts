import { readdir, readFile, rm, stat, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { toBase64url, utf8 } from '@mailseal/common'
import { type IssuedKey, PATHS, sendMessageAnswerSchema } from '@mailseal/common/rpc'
import { describe, expect, it } from 'vitest'
import { enroll, holds, type Organization, organization, soleResult } from '../organization.ts'

const ALICE = 'alice@example.org'

const messageTo = (to: string, issued: IssuedKey) =>
  utf8(`From: <mailseal@example.org>\r\nTo: ${to}\r\nSubject: key\r\n\r\n${issued.temporaryKey}\r\n`)

const send = ({ rpc }: Organization, { sendToken }: { sendToken: string | null }, message: Uint8Array) =>
  rpc.post(PATHS.enrollmentMessages, { sendToken, message: toBase64url(message) }, sendMessageAnswerSchema)

const outbox = async ({ dataFolder }: Organization) => {
  const folder = join(dataFolder, 'outbox')
  return (await readdir(folder)).map((name) => join(folder, name))
}

async function mailed(org: Organization): Promise<IssuedKey> {
  const issued = await org.enabled(ALICE)
  await send(org, issued, messageTo(`"Alice" <${ALICE}>`, issued))
  return issued
}

describe('an enrollment message', () => {
  it('becomes a file of its own that others cannot read, and the key counts as sent', async () => {
    const org = await organization()
    const issued = await org.enabled(ALICE)
    const message = messageTo(`"Alice" <${ALICE}>`, issued)
    expect(await send(org, issued, message)).toEqual({ delivery: 'outbox' })
    const [path = '', ...others] = await outbox(org)
    expect(others).toEqual([])
    expect(path).toMatch(/\/alice@example\.org-[0-9a-f]{12}\.eml$/)
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    expect(new Uint8Array(await readFile(path))).toEqual(message)
    const { mailboxes } = await org.task('mailboxes.list', {})
    expect(mailboxes).toMatchObject([{ temporaryKey: { sent: true } }])
    const { entries } = await org.task('journal', {})
    expect(entries.at(-1)).toMatchObject({ task: 'send', subject: ALICE, result: 'done' })
  })

  it('that cannot be written does not count as sent', async () => {
    const org = await organization()
    const issued = await org.enabled(ALICE)
    await rm(join(org.dataFolder, 'outbox'), { recursive: true })
    await expect(send(org, issued, messageTo(ALICE, issued))).rejects.toMatchObject({ code: 'internal-error' })
    const { mailboxes } = await org.task('mailboxes.list', {})
    expect(mailboxes).toMatchObject([{ temporaryKey: { sent: false } }])
    const { entries } = await org.task('journal', {})
    expect(entries.at(-1)).toMatchObject({ task: 'enable', result: 'done' })
  })

  it('goes once, within 15 minutes, with the token of its key', async () => {
    const org = await organization()
    const issued = await org.enabled(ALICE)
    const message = messageTo(ALICE, issued)
    const refused = {
      code: 'refused-by-policy',
      message: 'the token for this message was used, or is older than 15 minutes',
    }
    await expect(send(org, { sendToken: 'guessed' }, message)).rejects.toMatchObject(refused)
    await send(org, issued, message)
    await expect(send(org, issued, message)).rejects.toMatchObject(refused)
    expect(await outbox(org)).toHaveLength(1)
    const next = soleResult(await org.task('reissue', { addresses: [ALICE] }))
    org.clock.at += 900
    await expect(send(org, next, messageTo(ALICE, next))).rejects.toMatchObject(refused)
    expect(await outbox(org)).toHaveLength(0)
  })

  it('sent twice at once goes once', async () => {
    const org = await organization()
    const issued = await org.enabled(ALICE)
    const message = messageTo(ALICE, issued)
    const sent = await Promise.allSettled(Array.from({ length: 8 }, () => send(org, issued, message)))
    expect(sent.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    expect(await outbox(org)).toHaveLength(1)
  })

  it.each([
    'bob@example.org',
    `${ALICE}, bob@example.org`,
    `group: ${ALICE}, bob@example.org;`,
    `${ALICE}\r\nTo: bob@example.org`,
    `${ALICE}\r\nCc: bob@example.org`,
    `${ALICE}\r\nbcc: bob@example.org`,
    `${ALICE}\r\nResent-To: bob@example.org`,
    '',
  ])('to "%s" is refused, and its token stays', async (to) => {
    const org = await organization()
    const issued = await org.enabled(ALICE)
    await expect(send(org, issued, messageTo(to, issued))).rejects.toMatchObject({
      code: 'bad-data',
      message: `the message is not addressed to ${ALICE} alone`,
    })
    expect(await outbox(org)).toEqual([])
    await send(org, issued, messageTo(ALICE, issued))
  })

  it('of a key that has ended is refused with the reason', async () => {
    const org = await organization()
    const issued = await org.enabled(ALICE)
    await org.task('cancel', { addresses: [ALICE] })
    await expect(send(org, issued, messageTo(ALICE, issued))).rejects.toMatchObject({ code: 'temporary-key-canceled' })
    expect(await outbox(org)).toEqual([])
  })
})

describe('a file that holds a temporary key', () => {
  it.each(['enroll', 'reissue', 'cancel', 'revoke', 'expiry at start'])('goes at its end: %s', async (end) => {
    const org = await organization()
    const issued = await mailed(org)
    const [path = ''] = await outbox(org)
    expect(holds(await readFile(path), issued.temporaryKey)).toBe(true)
    const addresses = [ALICE]
    if (end === 'enroll') await enroll(org.rpc, issued)
    if (end === 'reissue') await org.task('reissue', { addresses })
    if (end === 'cancel') await org.task('cancel', { addresses })
    if (end === 'revoke') await org.task('revoke', { addresses, reason: 'left' })
    if (end === 'expiry at start') {
      org.clock.at += 14 * 86400
      await org.restart()
    }
    expect(await outbox(org)).toEqual([])
    expect(org.logged).toEqual([])
  })

  it('stays while its key lives, and does not disturb if somebody moved it', async () => {
    const org = await organization()
    await mailed(org)
    await org.restart()
    expect(await outbox(org)).toHaveLength(1)
    const [path = ''] = await outbox(org)
    await unlink(path)
    await org.task('cancel', { addresses: [ALICE] })
    expect(org.logged).toEqual([])
  })

  it('half-written in a crash is gone after the next start', async () => {
    const org = await organization()
    await mailed(org)
    await writeFile(join(org.dataFolder, 'outbox', '.bob@example.org-1.eml.abc.tmp'), 'half a key')
    await org.restart()
    expect(await outbox(org)).toHaveLength(1)
  })
})
