import { DatabaseSync } from 'node:sqlite'
import { systemRandom } from '@mailseal/common'
import { readAuthority } from '@mailseal/common/authority'
import type { Credentials } from '@mailseal/common/rpc'
import { checkCredentials, makeAdministratorKey } from '../src/administrators.ts'
import { combineSeed, splitSeed } from '../src/archive/quorum.ts'
import { databasePath, openSqliteStore } from '../src/store/sqlite/index.ts'
import { CHEAP_ARGON2 } from './cheap-argon2.ts'
import { ADMINISTRATOR, type Organization, PASSWORD, START } from './organization.ts'

/** Splits an organization's seed anew among its administrator and others. @returns The credentials of all of them. */
export async function shareAmong(org: Organization, required: number, others: readonly string[]) {
  const path = databasePath(org.dataFolder)
  const store = await openSqliteStore(path)
  const database = new DatabaseSync(path)
  try {
    const [admin] = await checkCredentials(store, [ADMINISTRATOR])
    const row = await store.read((reads) => reads.administrator(ADMINISTRATOR.administrator))
    const document = await store.read((reads) => reads.latestAuthorityDocument())
    if (!admin || !row || !document) throw new TypeError('not initialized')
    const { rootFingerprint, generation: number, archiveKey } = readAuthority(document.bytes)
    const generation = { rootFingerprint, number }
    const held = [{ administrator: admin.name, keyPair: admin.keyPair, ...row }]
    const { seed } = await combineSeed(held, { generation, archiveKey })
    const newcomers = await Promise.all(
      others.map(async (name) => {
        const credentials: Credentials = { administrator: name, password: `${PASSWORD} of ${name}` }
        const key = await makeAdministratorKey(credentials, { random: systemRandom, argon2: CHEAP_ARGON2 })
        return { credentials, name, publicKey: key.keyPair.publicKey, sealedPrivateKey: key.sealedPrivateKey }
      }),
    )
    const owners = [{ name: admin.name, publicKey: admin.keyPair.publicKey }, ...newcomers]
    const [own, ...shares] = await splitSeed(seed, { generation, required, administrators: owners })
    if (!own) throw new TypeError('not split')
    const update = database.prepare('update administrators set sealed_share = ?, share_hash = ? where name = ?')
    update.run(own.sealedShare, own.shareHash, admin.name)
    await store.transaction(async (tx) => {
      for (const [index, { name, publicKey, sealedPrivateKey }] of newcomers.entries()) {
        const { sealedShare, shareHash } = shares[index] as (typeof shares)[0]
        const share = { sealedShare, shareHash, added: START }
        await tx.addAdministrator({ name, address: null, publicKey, sealedPrivateKey, ...share })
      }
    })
    return [ADMINISTRATOR, ...newcomers.map(({ credentials }) => credentials)]
  } finally {
    database.close()
    await store.close()
  }
}
