import { join } from 'node:path'
import { openAdmin } from '@mailseal/admin'
import { openComputer } from '../computer.ts'
import { ADMINISTRATOR, type KmServer, makeTemplate, START, startKmServer } from '../km-server.ts'
import type { Model, TemporaryKey } from '../model.ts'
import { ADDRESSES } from '../steps.ts'

/** Who checks everybody's mail. */
export const WATCHER = 'watcher@example.org'

/** An organization in which somebody who checks everybody's mail is enrolled. */
export interface Template {
  readonly folder: string
  /** Who is enrolled already: the watcher, and the first address on the first computer. */
  readonly enrolled: readonly EnrolledAlready[]
  end(): Promise<void>
}

/** Somebody whose agent is enrolled in a folder of the template. */
export interface EnrolledAlready {
  readonly id: string
  readonly address: string
  readonly name: string
  /** The temporary key. */
  readonly text: string
  /** Of the folder in which the agent lives. */
  readonly home: string
}

/** Makes one, with agents that are enrolled. */
export async function makeTemplateWithAgents(): Promise<Template> {
  const { folder, end } = await makeTemplate()
  const server = await startKmServer(folder, { copy: false })
  try {
    const enrolled = []
    for (const [address, home] of [
      [WATCHER, 'watcher'],
      [ADDRESSES[0], 'first'],
    ] as const) {
      enrolled.push(await enrollInTemplate(server, address, home))
    }
    return { folder, enrolled, end }
  } finally {
    await server.end()
  }
}

async function enrollInTemplate(
  { url, folder }: KmServer & { readonly folder: string },
  address: string,
  home: string,
): Promise<EnrolledAlready> {
  const admin = openAdmin({ server: url, credentials: async () => [ADMINISTRATOR] })
  const { id, name } = await admin.mailboxes.add({ address, name: 'User' })
  const [issued] = await admin.enable([address])
  if (issued === undefined || 'error' in issued) throw new TypeError('the template has no temporary key')
  const options = { folder, home: join(folder, home), url: () => url, now: () => START }
  const computer = await openComputer(home, options)
  await (await computer.agent()).enroll({ temporaryKey: issued.temporaryKey })
  await computer.close()
  return { id, address, name, text: issued.temporaryKey, home }
}

/** Tells the model what the template holds. */
export async function tellModel({ store }: KmServer, model: Model, enrolled: EnrolledAlready): Promise<TemporaryKey> {
  const { id, address, name, text } = enrolled
  const { key, certificate } = await store.read(async (reads) => {
    const key = await reads.newestKey(id)
    return { key, certificate: key && (await reads.newestCertificateOf(key.fingerprint)) }
  })
  if (!key || !certificate) throw new TypeError('the template lacks who is enrolled in it')
  model.added(id, address, name)
  const mailbox = model.mailboxAt(address)
  if (mailbox === null) throw new TypeError('the model lost a mailbox')
  const temporaryKey = model.issued('enable', mailbox, text, false)
  const { fingerprint, subkeyFingerprint } = key
  const { serial, validFrom } = certificate
  model.enrolled(temporaryKey, { fingerprint, subkeyFingerprint, isArchiveDamaged: false, serial, validFrom })
  return temporaryKey
}
