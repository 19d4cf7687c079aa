import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { systemClock, systemRandom } from '@mailseal/common'
import {
  asEnrollableCertificate,
  assertPremadeRevocations,
  certify,
  generateSerial,
  makeAuthorityKey,
  makeUserKey,
  readPrimarySecret,
} from '@mailseal/common/certificate'
import { generateSealingKeyPair, openRequest, sealReply, sealRequest } from '@mailseal/common/sealed-channel'

/** What an enrollment at the KM server can't do without; each is a function of {@link makePrimitives}. */
export const PRIMITIVES = [
  { name: 'hpke', label: 'HPKE open in PSK mode' },
  { name: 'checks', label: 'OpenPGP checks' },
  { name: 'certification', label: 'certification signature' },
  { name: 'reply', label: 'reply sealing' },
  { name: 'commit', label: 'durable commit' },
] as const

type Primitives = Record<(typeof PRIMITIVES)[number]['name'], () => Promise<void>> & Disposable

const [USER_ID, DOMAIN] = ['Somebody <somebody@example.org>', 'example.org']

/**
 * The primitives of an enrollment, each by itself over data of the same size.
 *
 * @param folder - Where the database of the commits is made, on the disk of the KM server's.
 * @param size - Of an enrollment's request and reply in bytes: both together are what a commit writes.
 */
export async function makePrimitives(folder: string, size: { request: number; reply: number }): Promise<Primitives> {
  const database = openDatabase(folder)
  return {
    hpke: await hpke(size.request),
    ...(await openpgp()),
    reply: reply(size.reply),
    commit: commit(database, size.request + size.reply),
    [Symbol.dispose]: () => database.close(),
  }
}

async function hpke(size: number): Promise<() => Promise<void>> {
  const keyPair = await generateSealingKeyPair()
  const exchange = {
    info: systemRandom(64),
    psk: systemRandom(32),
    pskId: systemRandom(32),
    preamble: systemRandom(64),
  }
  const { request } = await sealRequest(keyPair.publicKey, { ...exchange, plaintext: systemRandom(size) })
  return async () => {
    await openRequest(keyPair, { ...exchange, request })
  }
}

async function openpgp(): Promise<Pick<Primitives, 'checks' | 'certification'>> {
  const now = systemClock.now()
  const authority = await readPrimarySecret((await makeAuthorityKey('CA <ca@example.org>', now)).secretKey)
  const key = await makeUserKey(USER_ID, now)
  const checked = await asEnrollableCertificate(key.certificate, USER_ID)
  return {
    checks: async () => assertPremadeRevocations(await asEnrollableCertificate(key.certificate, USER_ID), key),
    certification: async () => {
      const { validFrom, validTo } = checked
      await certify(authority, checked, { serial: generateSerial(systemRandom), domain: DOMAIN, validFrom, validTo })
    },
  }
}

function reply(size: number): () => Promise<void> {
  const plaintext = systemRandom(size)
  return async () => {
    sealReply({ key: systemRandom(32), nonce: systemRandom(12) }, systemRandom(32), plaintext)
  }
}

function openDatabase(folder: string): DatabaseSync {
  const database = new DatabaseSync(join(folder, 'commits.sqlite'))
  database.exec('pragma journal_mode = wal; pragma synchronous = full; create table commits (bytes blob not null)')
  return database
}

function commit(database: DatabaseSync, size: number): () => Promise<void> {
  const insert = database.prepare('insert into commits (bytes) values (?)')
  const bytes = systemRandom(size)
  return async () => {
    database.exec('begin immediate')
    insert.run(bytes)
    database.exec('commit')
  }
}
