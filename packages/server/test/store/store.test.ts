import { describe, expect, it } from 'vitest'
import type { Store, Transaction } from '../../src/store/store.ts'
import { BACK_ENDS } from './back-ends.ts'
import {
  answerRow,
  bytes,
  certificateRow,
  DAY,
  journalRow,
  keyRow,
  mailboxRow,
  NOW,
  putActive,
  revocationRow,
  temporaryKeyRow,
} from './rows.ts'

describe.each(BACK_ENDS)('store on $name', ({ place }) => {
  const open = async () => (await place()).open()
  const write = <T>(store: Store, work: (tx: Transaction) => Promise<T>) => store.transaction(work)

  it('keeps settings and secrets, the last one put', async () => {
    const store = await open()
    expect(await store.read((reads) => reads.setting('a'))).toBeNull()
    expect(await store.read((reads) => reads.secret('a'))).toBeNull()
    for (const value of [1, 2]) {
      await write(store, async (tx) => {
        await tx.putSetting('a', `value ${value}`)
        await tx.putSecret('a', bytes(value))
      })
    }
    expect(await store.read((reads) => reads.setting('a'))).toBe('value 2')
    expect(await store.read((reads) => reads.secret('a'))).toEqual(bytes(2))
  })

  it('keeps every authority document, by version and hash', async () => {
    const store = await open()
    expect(await store.read((reads) => reads.latestAuthorityDocument())).toBeNull()
    const documents = [2, 1, 10].map((version) => ({
      version,
      hash: bytes(version),
      bytes: bytes(version, 300),
      sealedEnrollmentKey: version === 1 ? null : bytes(9, 60),
    }))
    await write(store, async (tx) => {
      for (const document of documents) await tx.addAuthorityDocument(document)
    })
    expect(await store.read((reads) => reads.latestAuthorityDocument())).toEqual(documents[2])
    expect(await store.read((reads) => reads.authorityDocument(bytes(2)))).toEqual(documents[0])
    expect(await store.read((reads) => reads.authorityDocument(bytes(3)))).toBeNull()
    expect(await store.read((reads) => reads.authorityDocumentOfVersion(1))).toEqual(documents[1])
    expect(await store.read((reads) => reads.authorityDocumentOfVersion(3))).toBeNull()
  })

  it('keeps administrators in the order of their names', async () => {
    const store = await open()
    const [bob, anna] = ['bob', 'anna'].map((name, index) => ({
      name,
      address: index === 0 ? null : 'anna@example.org',
      publicKey: bytes(1),
      sealedPrivateKey: bytes(2, 90),
      sealedShare: bytes(3, 90),
      shareHash: bytes(4),
      added: NOW,
    })) as [never, never]
    await write(store, async (tx) => {
      await tx.addAdministrator(bob)
      await tx.addAdministrator(anna)
    })
    expect(await store.read((reads) => reads.administrators())).toEqual([anna, bob])
    expect(await store.read((reads) => reads.administrator('bob'))).toEqual(bob)
    expect(await store.read((reads) => reads.administrator('eve'))).toBeNull()
  })

  it('adds a mailbox once for an address', async () => {
    const store = await open()
    const mailbox = mailboxRow('a')
    await write(store, (tx) => tx.addMailbox(mailbox))
    expect(await store.read((reads) => reads.mailbox(mailbox.id))).toEqual(mailbox)
    expect(await store.read((reads) => reads.mailboxByAddress('a@example.org'))).toEqual(mailbox)
    expect(await store.read((reads) => reads.mailboxByAddress('A@example.org'))).toBeNull()
    const again = write(store, (tx) => tx.addMailbox({ ...mailbox, id: 'b'.repeat(32) }))
    await expect(again).rejects.toMatchObject({
      code: 'already-exists',
      message: 'there is already a mailbox with the address a@example.org',
    })
  })

  it('changes a mailbox only as it was read', async () => {
    const store = await open()
    const read = mailboxRow('a')
    await write(store, (tx) => tx.addMailbox(read))
    expect(await write(store, (tx) => tx.changeMailbox(read, { status: 'New' }))).toBe(true)
    // Other version; then same version, other status: whoever read it before loses.
    expect(await write(store, (tx) => tx.changeMailbox(read, { status: 'Active' }))).toBe(false)
    expect(await write(store, (tx) => tx.changeMailbox({ ...read, version: 2 }, { status: 'Active' }))).toBe(false)
    const now = { ...read, status: 'New', version: 2 } as const
    expect(await store.read((reads) => reads.mailbox(read.id))).toEqual(now)
    expect(await write(store, (tx) => tx.changeMailbox(now, { currentSerial: '00000000000000ff' }))).toBe(true)
    const third = { ...now, version: 3, currentSerial: '00000000000000ff' }
    expect(await store.read((reads) => reads.mailbox(read.id))).toEqual(third)
    expect(await write(store, (tx) => tx.changeMailbox(third, { status: 'Disabled', currentSerial: null }))).toBe(true)
    expect(await store.read((reads) => reads.mailbox(read.id))).toEqual({
      ...read,
      status: 'Disabled',
      version: 4,
    })
  })

  it('changes name and address of a mailbox, and gives no address twice', async () => {
    const store = await open()
    const [a, b] = [mailboxRow('a'), mailboxRow('b')]
    await write(store, async (tx) => {
      await tx.addMailbox(a)
      await tx.addMailbox(b)
    })
    const taken = write(store, (tx) => tx.changeMailbox(a, { address: b.address }))
    await expect(taken).rejects.toMatchObject({
      code: 'already-exists',
      message: 'there is already a mailbox with the address b@example.org',
    })
    expect(await write(store, (tx) => tx.changeMailbox(a, { address: a.address, name: 'Anna' }))).toBe(true)
    const named = { ...a, name: 'Anna', version: 2 }
    expect(await store.read((reads) => reads.mailbox(a.id))).toEqual(named)
    expect(await write(store, (tx) => tx.changeMailbox(named, { address: 'c@example.org' }))).toBe(true)
    const moved = { ...named, address: 'c@example.org', version: 3 }
    expect(await store.read((reads) => reads.mailboxByAddress('c@example.org'))).toEqual(moved)
    expect(await store.read((reads) => reads.mailboxByAddress('a@example.org'))).toBeNull()
  })

  it('removes a mailbox for ever and frees its address, and shows it no more', async () => {
    const store = await open()
    const { mailbox } = await write(store, (tx) => putActive(tx, 'a', '1'.repeat(16)))
    expect(await write(store, (tx) => tx.removeMailbox({ ...mailbox, version: 7 }, NOW + 5))).toBe(false)
    expect(await write(store, (tx) => tx.removeMailbox(mailbox, NOW + 5))).toBe(true)
    const forgotten = { address: mailbox.id, name: '', status: 'Undefined', version: 2, currentSerial: null }
    expect(await store.read((reads) => reads.mailbox(mailbox.id))).toEqual({
      ...mailbox,
      ...forgotten,
      removed: NOW + 5,
    })
    expect(await store.read((reads) => reads.mailboxByAddress('a@example.org'))).toBeNull()
    expect(await store.read((reads) => reads.mailboxViews({ limit: 10 }, NOW))).toEqual([])
    expect(await store.read((reads) => reads.directoryPage('', 10))).toEqual([])
    const next = mailboxRow('c', { address: 'a@example.org' })
    await write(store, (tx) => tx.addMailbox(next))
    expect(await store.read((reads) => reads.mailboxByAddress('a@example.org'))).toEqual(next)
    await expect(write(store, (tx) => tx.addMailbox(mailbox))).rejects.toThrow()
  })

  it('has one live temporary key for a mailbox, and erases its secrets when it ends', async () => {
    const store = await open()
    const mailbox = mailboxRow('a')
    const first = temporaryKeyRow(mailbox, 1)
    await write(store, async (tx) => {
      await tx.addMailbox(mailbox)
      await tx.addTemporaryKey(first)
    })
    expect(await store.read((reads) => reads.temporaryKey(first.pskId))).toEqual(first)
    expect(await store.read((reads) => reads.temporaryKey(bytes(2, 16)))).toBeNull()
    expect(await store.read((reads) => reads.liveTemporaryKey(mailbox.id))).toEqual(first)
    await expect(write(store, (tx) => tx.addTemporaryKey(temporaryKeyRow(mailbox, 2)))).rejects.toThrow()

    await write(store, (tx) => tx.markTemporaryKeySent(first.pskId))
    expect(await write(store, (tx) => tx.endTemporaryKey(first.pskId, 'replaced', NOW + 9))).toBe(true)
    expect(await write(store, (tx) => tx.endTemporaryKey(first.pskId, 'used', NOW + 10))).toBe(false)
    const erased = { sealedSecrets: null, sealedHistory: null }
    const ended = { ...first, ...erased, sent: true, end: { how: 'replaced', at: NOW + 9 } }
    expect(await store.read((reads) => reads.temporaryKey(first.pskId))).toEqual(ended)
    expect(await store.read((reads) => reads.liveTemporaryKey(mailbox.id))).toBeNull()
    await write(store, (tx) => tx.addTemporaryKey(temporaryKeyRow(mailbox, 2)))
  })

  it('finds the temporary key that a mailbox waits with, alive or expired', async () => {
    const store = await open()
    const [a, b] = [mailboxRow('a'), mailboxRow('b')]
    const waiting = () => store.read((reads) => reads.waitingTemporaryKey(a.id))
    const add = (tag: number, change = {}) => write(store, (tx) => tx.addTemporaryKey(temporaryKeyRow(a, tag, change)))
    const end = (tag: number, how: 'used' | 'expired') =>
      write(store, (tx) => tx.endTemporaryKey(bytes(tag, 16), how, NOW + 5))
    await write(store, async (tx) => {
      await tx.addMailbox(a)
      await tx.addMailbox(b)
      await tx.addTemporaryKey(temporaryKeyRow(b, 9, { issued: NOW + 9 }))
    })
    expect(await waiting()).toBeNull()
    await add(1, { issued: NOW + 2 })
    await end(1, 'used')
    expect(await waiting()).toBeNull()
    const alive = temporaryKeyRow(a, 2, { sealedHistory: null, withHistory: false })
    await add(2, { sealedHistory: null, withHistory: false })
    expect(await waiting()).toEqual(alive)
    await end(2, 'expired')
    expect(await waiting()).toMatchObject({ pskId: bytes(2, 16), withHistory: false })
    // By a clock that was set back.
    await add(3, { issued: NOW - 1 })
    expect(await waiting()).toMatchObject({ pskId: bytes(3, 16), withHistory: true })
    await end(3, 'expired')
    await add(4, { issued: NOW + 1 })
    await end(4, 'expired')
    expect(await waiting()).toMatchObject({ pskId: bytes(4, 16), withHistory: true, sealedHistory: null })
  })

  it('lists the temporary keys that have expired but not ended', async () => {
    const store = await open()
    const [a, b, c] = [mailboxRow('a'), mailboxRow('b'), mailboxRow('c')]
    const expired = temporaryKeyRow(b, 2, { expires: NOW + 5 })
    await write(store, async (tx) => {
      for (const mailbox of [a, b, c]) await tx.addMailbox(mailbox)
      await tx.addTemporaryKey(temporaryKeyRow(a, 1, { expires: NOW + 6 }))
      await tx.addTemporaryKey(expired)
      await tx.addTemporaryKey(temporaryKeyRow(c, 3, { expires: NOW }))
      await tx.endTemporaryKey(bytes(3, 16), 'expired', NOW)
    })
    expect(await store.read((reads) => reads.expiredTemporaryKeys(NOW + 5))).toEqual([expired])
  })

  it('takes a token for one message out once, and drops expired ones', async () => {
    const store = await open()
    const mailbox = mailboxRow('a')
    const token = (expires: number) => ({ mailboxId: mailbox.id, pskId: bytes(1, 16), expires })
    await write(store, async (tx) => {
      await tx.addMailbox(mailbox)
      await tx.addTemporaryKey(temporaryKeyRow(mailbox, 1))
      for (const tag of [1, 2, 3]) await tx.addSendToken(bytes(tag), token(NOW + tag))
    })
    expect(await store.read((reads) => reads.sendToken(bytes(3)))).toEqual(token(NOW + 3))
    expect(await write(store, (tx) => tx.takeSendToken(bytes(3)))).toBe(true)
    expect(await write(store, (tx) => tx.takeSendToken(bytes(3)))).toBe(false)
    await write(store, (tx) => tx.dropSendTokens(NOW + 1))
    expect(await store.read((reads) => reads.sendToken(bytes(1)))).toBeNull()
    expect(await store.read((reads) => reads.sendToken(bytes(2)))).toEqual(token(NOW + 2))
  })

  it('lists the files of the outbox whose key has ended', async () => {
    const store = await open()
    const [a, b] = [mailboxRow('a'), mailboxRow('b')]
    await write(store, async (tx) => {
      for (const [index, mailbox] of [a, b].entries()) {
        await tx.addMailbox(mailbox)
        await tx.addTemporaryKey(temporaryKeyRow(mailbox, index))
        await tx.addOutboxFile(`${index}.eml`, bytes(index, 16))
      }
      await tx.endTemporaryKey(bytes(1, 16), 'canceled', NOW)
    })
    expect(await store.read((reads) => reads.spentOutboxFiles())).toEqual(['1.eml'])
    await write(store, (tx) => tx.dropOutboxFile('1.eml'))
    expect(await store.read((reads) => reads.spentOutboxFiles())).toEqual([])
  })

  it('knows every fingerprint that a key ever had', async () => {
    const store = await open()
    const { key } = await write(store, (tx) => putActive(tx, 'a', '00000000000000aa'))
    expect(await store.read((reads) => reads.key(key.fingerprint))).toEqual(key)
    expect(await store.read((reads) => reads.key(key.subkeyFingerprint))).toBeNull()
    for (const known of [key.fingerprint, key.subkeyFingerprint]) {
      expect(await store.read((reads) => reads.isAnyKnown(['f'.repeat(40), known]))).toBe(true)
    }
    expect(await store.read((reads) => reads.isAnyKnown(['c'.repeat(40), 'd'.repeat(40)]))).toBe(false)
  })

  it('lists the serial numbers that have not expired, with their entries on the revocation list', async () => {
    const store = await open()
    const serials = ['f', '1', '2', '3'].map((digit) => digit.repeat(16)) as [string, string, string, string]
    const [first, revoked, expired, late] = serials
    const { mailbox, key } = await write(store, async (tx) => {
      const active = await putActive(tx, 'a', first)
      await putActive(tx, 'b', '4'.repeat(16))
      await tx.addCertificate(certificateRow(active.key, revoked))
      await tx.putRevocation(revocationRow(revoked))
      await tx.addCertificate(certificateRow(active.key, expired, { validTo: NOW + 1 }))
      await tx.addCertificate(certificateRow(active.key, late, { validTo: NOW + 2 }))
      return active
    })
    expect(await store.read((reads) => reads.unexpiredCertificates(mailbox.id, NOW + 1))).toEqual([
      { ...certificateRow(key, revoked), revocation: revocationRow(revoked) },
      { ...certificateRow(key, late, { validTo: NOW + 2 }), revocation: null },
      { ...certificateRow(key, first), revocation: null },
    ])
    expect(await store.read((reads) => reads.certificate(first))).toEqual(certificateRow(key, first))
    expect(await store.read((reads) => reads.certificate('0'.repeat(16)))).toBeNull()
    expect(await store.read((reads) => reads.isRevoked(revoked))).toBe(true)
    expect(await store.read((reads) => reads.isRevoked(first))).toBe(false)
  })

  it('finds the newest key of a mailbox, the newest certificate of a key, and publishes another version', async () => {
    const store = await open()
    const [older, renewed, newer] = ['1', '2', '3'].map((digit) => digit.repeat(16)) as [string, string, string]
    const { mailbox, key } = await write(store, (tx) => putActive(tx, 'a', older))
    const second = { ...keyRow(mailbox, 'c'), added: NOW + 1 }
    await write(store, async (tx) => {
      await putActive(tx, 'b', '4'.repeat(16))
      await tx.addCertificate(certificateRow(key, renewed, { validFrom: NOW + 7 }))
      await tx.addKey(second)
      await tx.addCertificate(certificateRow(second, newer))
      await tx.putCertificateOf(key.fingerprint, bytes(9, 900))
    })
    const newestKey = (id: string) => store.read((reads) => reads.newestKey(id))
    expect([await newestKey(mailbox.id), await newestKey('f'.repeat(32))]).toEqual([second, null])
    const newestOf = (fingerprint: string) => store.read((reads) => reads.newestCertificateOf(fingerprint))
    expect(await newestOf(key.fingerprint)).toEqual(certificateRow(key, renewed, { validFrom: NOW + 7 }))
    expect(await newestOf(second.fingerprint)).toEqual(certificateRow(second, newer))
    expect(await newestOf('f'.repeat(40))).toBeNull()
    const published = (fingerprint: string) => store.read((reads) => reads.key(fingerprint))
    expect(await published(key.fingerprint)).toEqual({ ...key, certificate: bytes(9, 900) })
    expect(await published(second.fingerprint)).toEqual(second)
    await expect(write(store, (tx) => tx.putCertificateOf('f'.repeat(40), bytes(1)))).rejects.toThrow(TypeError)
  })

  it('gives the archive of a mailbox, oldest first, and counts its keys once whatever sealed them', async () => {
    const store = await open()
    const { mailbox } = await write(store, (tx) => putActive(tx, 'a', '1'.repeat(16)))
    const { mailbox: other } = await write(store, (tx) => putActive(tx, 'b', '2'.repeat(16)))
    const entry = (subkey: string, generation: number, added: number, mailboxId = mailbox.id) => ({
      mailboxId,
      generation,
      subkeyFingerprint: subkey.repeat(40),
      entry: bytes(generation, 200),
      added,
    })
    const rows = [entry('f', 1, NOW), entry('a', 2, NOW + 1), entry('f', 2, NOW + 1), entry('e', 2, NOW + 2)]
    await write(store, async (tx) => {
      for (const row of [...rows.toReversed(), entry('d', 1, NOW, other.id)]) await tx.addArchiveEntry(row)
    })
    expect(await store.read((reads) => reads.archiveEntries(mailbox.id))).toEqual(rows)
    expect(await store.read((reads) => reads.archiveEntries('c'.repeat(32)))).toEqual([])
    const views = await store.read((reads) => reads.mailboxViews({ limit: 10 }, NOW))
    expect(views.map(({ archivedKeys }) => archivedKeys)).toEqual([3, 1])
  })

  it('never has a serial number, a key or an archive entry twice', async () => {
    const store = await open()
    const { mailbox, key } = await write(store, (tx) => putActive(tx, 'a', '00000000000000aa'))
    const entry = {
      mailboxId: mailbox.id,
      generation: 1,
      subkeyFingerprint: key.subkeyFingerprint,
      entry: bytes(1, 200),
      added: NOW,
    }
    await write(store, (tx) => tx.addArchiveEntry(entry))
    await write(store, (tx) => tx.addArchiveEntry({ ...entry, generation: 2 }))
    await expect(write(store, (tx) => tx.addArchiveEntry(entry))).rejects.toThrow()
    await expect(write(store, (tx) => tx.addKey(key))).rejects.toThrow()
    await expect(write(store, (tx) => tx.addKey({ ...key, fingerprint: 'd'.repeat(40) }))).rejects.toThrow()
    await expect(write(store, (tx) => tx.addCertificate(certificateRow(key, '00000000000000aa')))).rejects.toThrow()
    const orphan = certificateRow(keyRow(mailbox, 'e'), '00000000000000ab')
    await expect(write(store, (tx) => tx.addCertificate(orphan))).rejects.toThrow()
  })

  it('gives the directory page by page, current certificates only', async () => {
    const store = await open()
    await write(store, async (tx) => {
      for (const [index, tag] of ['c', 'a', 'b', 'd'].entries()) await putActive(tx, tag, `${index}`.repeat(16))
      await tx.changeMailbox(mailboxRow('b', { status: 'Active' }), { status: 'Disabled', currentSerial: null })
    })
    const page = (after: string) => store.read((reads) => reads.directoryPage(after, 2))
    const entry = (tag: string) => ({
      address: `${tag}@example.org`,
      fingerprint: tag.repeat(40),
      certificate: bytes(5, 800),
    })
    expect(await page('')).toEqual([entry('a'), entry('c')])
    expect(await page('c@example.org')).toEqual([entry('d')])
    expect(await page('d@example.org')).toEqual([])
  })

  it('gives revocations whose certificate has not expired, in the order of serial numbers', async () => {
    const store = await open()
    const rows = [
      revocationRow('f'.repeat(16), { expiryDay: 100, reason: 'replaced' }),
      revocationRow('1'.repeat(16), { expiryDay: 101, reason: 'left' }),
      revocationRow('2'.repeat(16), { expiryDay: 99, reason: 'unspecified' }),
    ]
    await write(store, async (tx) => {
      const { key } = await putActive(tx, 'a', '0'.repeat(16))
      for (const row of rows) {
        await tx.addCertificate(certificateRow(key, row.serial))
        await tx.putRevocation(row)
      }
    })
    expect(await store.read((reads) => reads.revocations(100))).toEqual([rows[1], rows[0]])
  })

  it.each([
    ['replaced', 'compromised', 'compromised'],
    ['replaced', 'replaced', 'replaced'],
    ['left', 'compromised', 'left'],
    ['left', 'replaced', 'left'],
  ] as const)('has one entry for a serial number: %s, then %s, is %s', async (before, then, after) => {
    const store = await open()
    const serial = 'f'.repeat(16)
    const row = revocationRow(serial, { expiryDay: 100, reason: before, revokedAt: NOW + 5 })
    const put = (revokedAt: number) => write(store, (tx) => tx.putRevocation({ ...row, reason: then, revokedAt }))
    const rows = () => store.read((reads) => reads.revocations(100))
    await write(store, async (tx) => {
      await putActive(tx, 'a', serial)
      await tx.putRevocation(row)
    })
    await put(NOW + 6)
    expect(await rows()).toEqual([{ ...row, reason: after }])
    await put(NOW + 4)
    expect(await rows()).toEqual([{ ...row, reason: after, revokedAt: NOW + 4 }])
  })

  it('serves the newest list', async () => {
    const store = await open()
    expect(await store.read((reads) => reads.latestList())).toBeNull()
    const list = (number: number) => ({ number, thisUpdate: NOW, nextUpdate: NOW + DAY, bytes: bytes(number, 200) })
    await write(store, (tx) => tx.putList(list(9)))
    await write(store, (tx) => tx.putList(list(10)))
    expect(await store.read((reads) => reads.latestList())).toEqual(list(10))
    await expect(write(store, (tx) => tx.putList(list(10)))).rejects.toThrow()
  })

  it('keeps replies until they are dropped', async () => {
    const store = await open()
    await write(store, async (tx) => {
      const { key } = await putActive(tx, 'a', '0'.repeat(16))
      const { key: other } = await putActive(tx, 'b', '1'.repeat(16))
      await tx.putReply(bytes(1), key.fingerprint, bytes(11, 500), NOW)
      await tx.putReply(bytes(2), key.fingerprint, bytes(12, 500), NOW + 1)
      await tx.putReply(bytes(3), other.fingerprint, bytes(13, 500), NOW + 1)
    })
    const reply = (tag: number) => store.read((reads) => reads.storedReply(bytes(tag)))
    expect(await reply(1)).toEqual(bytes(11, 500))
    await write(store, (tx) => tx.dropReplies(NOW + 1))
    expect([await reply(1), await reply(2)]).toEqual([null, bytes(12, 500)])
    await write(store, (tx) => tx.dropRepliesTo('a'.repeat(40)))
    expect([await reply(2), await reply(3)]).toEqual([null, bytes(13, 500)])
  })

  it('keeps the answers to tasks and signed requests until they are dropped', async () => {
    const store = await open()
    await write(store, async (tx) => {
      for (const at of [1, 2]) {
        await tx.putTaskAnswer(answerRow(`task ${at}`, { sealedAnswer: bytes(at, 60), at: NOW + at }))
        await tx.putUserRequestAnswer(`request ${at}`, bytes(at), `answer ${at}`, NOW + at)
      }
    })
    const task = (at: number) => store.read((reads) => reads.taskAnswer(`task ${at}`))
    const request = (at: number) => store.read((reads) => reads.userRequestAnswer(`request ${at}`))
    expect(await task(1)).toEqual(answerRow('task 1', { sealedAnswer: bytes(1, 60), at: NOW + 1 }))
    expect(await request(1)).toEqual({ requestHash: bytes(1), answer: 'answer 1' })
    await expect(write(store, (tx) => tx.putTaskAnswer(answerRow('task 1')))).rejects.toThrow()
    await expect(write(store, (tx) => tx.putUserRequestAnswer('request 1', bytes(3), '', NOW))).rejects.toThrow()
    await write(store, async (tx) => {
      await tx.eraseTaskAnswers(NOW + 2)
      await tx.dropUserRequestAnswers(NOW + 2)
    })
    expect([await task(1), await request(1)]).toEqual([answerRow('task 1', { sealedAnswer: null, at: NOW + 1 }), null])
    expect(await task(2)).toMatchObject({ sealedAnswer: bytes(2, 60) })
    expect(await request(2)).not.toBeNull()
  })

  it('appends to the journal behind its head and nowhere else', async () => {
    const store = await open()
    expect(await store.read((reads) => reads.journalHead())).toEqual({ index: 0, hash: new Uint8Array(32) })
    for (const index of [1, 2, 3]) await write(store, (tx) => tx.appendJournal(journalRow(index)))
    expect(await store.read((reads) => reads.journalHead())).toEqual({ index: 3, hash: bytes(3) })
    expect(await store.read((reads) => reads.journal(1, 1))).toEqual([journalRow(2)])
    expect(await store.read((reads) => reads.journal(1, 10))).toEqual([journalRow(2), journalRow(3)])
    for (const index of [3, 5]) {
      await expect(write(store, (tx) => tx.appendJournal(journalRow(index)))).rejects.toThrow(
        new TypeError('a journal entry must follow the newest'),
      )
    }
  })

  it('shows a mailbox with certificate, temporary key and report', async () => {
    const store = await open()
    const report = { time: NOW + 7, crlNumber: 77, version: '0.1.0' }
    await write(store, async (tx) => {
      const { mailbox } = await putActive(tx, 'a', '00000000000000aa')
      await tx.putReport(mailbox.id, { ...report, time: NOW })
      await tx.putReport(mailbox.id, report)
      await tx.addMailbox(mailboxRow('b', { status: 'New' }))
      await tx.addTemporaryKey(temporaryKeyRow(mailboxRow('b'), 1, { sent: true }))
    })
    const certificate = {
      serial: '00000000000000aa',
      fingerprint: 'a'.repeat(40),
      validFrom: NOW,
      validTo: NOW + 500 * DAY,
      renewFrom: Date.UTC(2027, 0, 1) / 1000,
      expired: false,
    }
    const a = { id: 'a'.repeat(32), address: 'a@example.org', name: 'A', status: 'Active', archivedKeys: 0 }
    const b = { id: 'b'.repeat(32), address: 'b@example.org', name: 'B', status: 'New', archivedKeys: 0 }
    const temporaryKey = { issued: NOW, expires: NOW + 14 * DAY, sent: true, expired: false }
    const views = (now: number) => store.read((reads) => reads.mailboxViews({ limit: 10 }, now))
    expect(await views(NOW)).toEqual([
      { ...a, certificate, temporaryKey: null, lastReport: report },
      { ...b, certificate: null, temporaryKey, lastReport: null },
    ])
    expect(await views(NOW + 500 * DAY)).toMatchObject([
      { certificate: { expired: true } },
      { temporaryKey: { expired: true } },
    ])
    await write(store, (tx) => tx.putSetting('renewal.afterMonths', '6'))
    expect((await views(NOW))[0]?.certificate?.renewFrom).toBe(Date.UTC(2026, 6, 1) / 1000)
  })

  it('shows an expired temporary key after it was swept, until another takes its place', async () => {
    const store = await open()
    const mailbox = mailboxRow('a', { status: 'New' })
    const shown = async () => (await store.read((reads) => reads.mailboxViews({ limit: 1 }, NOW + 20)))[0]?.temporaryKey
    await write(store, async (tx) => {
      await tx.addMailbox(mailbox)
      await tx.addTemporaryKey(temporaryKeyRow(mailbox, 1, { expires: NOW + 10 }))
      await tx.endTemporaryKey(bytes(1, 16), 'expired', NOW + 10)
    })
    expect(await shown()).toEqual({ issued: NOW, expires: NOW + 10, sent: false, expired: true })
    await write(store, (tx) => tx.addTemporaryKey(temporaryKeyRow(mailbox, 2, { issued: NOW, expires: NOW + 99 })))
    expect(await shown()).toEqual({ issued: NOW, expires: NOW + 99, sent: false, expired: false })
    await write(store, async (tx) => {
      await tx.endTemporaryKey(bytes(2, 16), 'canceled', NOW + 11)
      await tx.changeMailbox(mailbox, { status: 'Undefined' })
    })
    expect(await shown()).toBeNull()
  })

  it('finds mailboxes by address, status, expiry and silence, page by page', async () => {
    const store = await open()
    await write(store, async (tx) => {
      await putActive(tx, 'a', '1'.repeat(16), { validTo: NOW + 30 * DAY })
      await putActive(tx, 'b', '2'.repeat(16))
      await putActive(tx, 'c', '3'.repeat(16), { issued: NOW + 10 })
      await tx.addMailbox(mailboxRow('d', { status: 'New' }))
      await tx.putReport('b'.repeat(32), { time: NOW + 10, crlNumber: 1, version: '0.1.0' })
    })
    const found = async (query: object) => {
      const views = await store.read((reads) => reads.mailboxViews({ limit: 10, ...query }, NOW))
      return views.map(({ name }) => name).join('')
    }
    expect(await found({})).toBe('ABCD')
    expect(await found({ limit: 2 })).toBe('AB')
    expect(await found({ after: 'b@example.org', limit: 2 })).toBe('CD')
    expect(await found({ addresses: ['d@example.org', 'a@example.org', 'x@example.org'] })).toBe('AD')
    expect(await found({ addresses: [] })).toBe('')
    expect(await found({ status: 'New' })).toBe('D')
    expect(await found({ validToBefore: NOW + 31 * DAY })).toBe('A')
    expect(await found({ silentSince: NOW + 10 })).toBe('A')
    expect(await found({ silentSince: NOW + 11, status: 'Active' })).toBe('ABC')
  })

  it('takes as many addresses at once as a task may name', async () => {
    const store = await open()
    await write(store, (tx) => tx.addMailbox(mailboxRow('a')))
    const addresses = Array.from({ length: 10_000 }, (_, index) => `${index}@example.org`)
    const views = await store.read((reads) =>
      reads.mailboxViews({ addresses: [...addresses, 'a@example.org'], limit: 10 }, NOW),
    )
    expect(views).toHaveLength(1)
  })

  it('does all of a transaction or nothing', async () => {
    const store = await open()
    const failing = write(store, async (tx) => {
      await tx.addMailbox(mailboxRow('a'))
      await tx.appendJournal(journalRow(1))
      throw new Error('in the middle')
    })
    await expect(failing).rejects.toThrow('in the middle')
    expect(await store.read((reads) => reads.mailboxByAddress('a@example.org'))).toBeNull()
    expect((await store.read((reads) => reads.journalHead())).index).toBe(0)
  })

  it('sees inside a transaction what it wrote, and outside only what was committed', async () => {
    const store = await open()
    const written = Promise.withResolvers<void>()
    const looked = Promise.withResolvers<void>()
    const transaction = write(store, async (tx) => {
      await tx.putSetting('a', 'new')
      written.resolve()
      await looked.promise
      return tx.setting('a')
    })
    await written.promise
    expect(await store.read((reads) => reads.setting('a'))).toBeNull()
    looked.resolve()
    expect(await transaction).toBe('new')
    expect(await store.read((reads) => reads.setting('a'))).toBe('new')
  })

  it('runs transactions one at a time, over several connections too', async () => {
    const { open } = await place()
    const stores = [await open(), await open()]
    let running = 0
    const add = (store: Store) =>
      store.transaction(async (tx) => {
        running += 1
        expect(running).toBe(1)
        const before = Number((await tx.setting('count')) ?? 0)
        await new Promise(setImmediate)
        await tx.putSetting('count', String(before + 1))
        running -= 1
      })
    await Promise.all(Array.from({ length: 100 }, (_, index) => add(stores[index % 2] as Store)))
    expect(await stores[0]?.read((reads) => reads.setting('count'))).toBe('100')
  })

  it('refuses the store inside a transaction instead of waiting for itself', async () => {
    const store = await open()
    const misuse = new TypeError('inside a transaction use the transaction, not the store: it would wait for itself')
    await write(store, async (tx) => {
      await expect(store.transaction(async () => undefined)).rejects.toThrow(misuse)
      await expect(store.read((reads) => reads.setting('a'))).rejects.toThrow(misuse)
      await expect(store.close()).rejects.toThrow(misuse)
      await tx.putSetting('a', 'still works')
    })
    expect(await store.read((reads) => reads.setting('a'))).toBe('still works')
  })

  it('allows the store to what a transaction began but did not wait for, and refuses it the transaction', async () => {
    const store = await open()
    const after = Promise.withResolvers<void>()
    const { later } = await write(store, async (tx) => ({
      later: after.promise.then(async () => ({
        read: await store.read((reads) => reads.setting('a')),
        leaked: await tx.putSetting('a', 'late').catch((thrown: unknown) => thrown),
      })),
    }))
    after.resolve()
    expect(await later).toEqual({ read: null, leaked: new Error('Transaction is already committed') })
  })

  it('is closed once, after the transactions that wait', async () => {
    const { open } = await place()
    const store = await open()
    const waiting = [1, 2, 3].map((value) => write(store, (tx) => tx.putSetting('a', String(value))))
    await store.close()
    await store.close()
    await Promise.all(waiting)
    await expect(store.read((reads) => reads.setting('a'))).rejects.toThrow(new TypeError('the store is closed'))
    await expect(store.transaction(async () => undefined)).rejects.toThrow(new TypeError('the store is closed'))
    expect(await (await open()).read((reads) => reads.setting('a'))).toBe('3')
  })
})
