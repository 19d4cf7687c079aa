import { setTimeout as sleep } from 'node:timers/promises'
import { type Clock, SPANS, sha256, toHex } from '@mailseal/common'
import { notationDomain } from '@mailseal/common/authority'
import { signForPurpose } from '@mailseal/common/certificate'
import { dayOf, encodeCrl, nextCrlNumber, parseCrl } from '@mailseal/common/crl'
import type { AuthorityDocuments } from './authority-documents.ts'
import { readSetting } from './settings.ts'
import type { Unlocked } from './start-up/index.ts'
import type { ListRow, Store } from './store/store.ts'

/** The list that is out. */
export interface CurrentList extends ListRow {
  /** SHA-256 of the bytes. */
  readonly hash: Uint8Array
}

/** Makes revocation lists, at most one a second, and holds the newest. */
export interface ListPublisher {
  readonly current: CurrentList
  /**
   * Publishes a list that holds every entry committed before the call; calls that come meanwhile share one list.
   *
   * @returns The list, once it is out.
   */
  publish(): Promise<CurrentList>
  /**
   * Makes sure that a list can follow, before anything is committed that has to be on it.
   *
   * @throws {@link MailsealError} `clock-wrong`.
   */
  assertCanPublish(): void
}

export interface ListPublisherOptions {
  readonly store: Store
  readonly unlocked: Unlocked
  readonly documents: AuthorityDocuments
  readonly clock: Clock
  /** Milliseconds between the beginnings of two lists; a second unless given. Shorter for tests only. */
  readonly pace?: number
}

const PACE = 1000

/**
 * Opens the publisher: the newest list of the store is current, unless it is older than an hour, from the future (the
 * clock was set back), or something happened since it was made that it may have to tell.
 */
export async function openListPublisher(options: ListPublisherOptions): Promise<ListPublisher> {
  const { pace = PACE } = options
  let current = await upToDateList(options)
  let lastBegun = Number.NEGATIVE_INFINITY
  let running: Promise<unknown> = Promise.resolve()
  let waiting: Promise<CurrentList> | null = null

  const run = async (before: Promise<unknown>): Promise<CurrentList> => {
    await before.catch(() => undefined)
    const wait = lastBegun + pace - performance.now()
    if (wait > 0) await sleep(wait)
    // From here on the list is being read: who calls now needs the next one.
    waiting = null
    lastBegun = performance.now()
    current = await makeList(options)
    return current
  }

  return {
    get current() {
      return current
    },
    publish() {
      if (waiting === null) {
        waiting = run(running)
        running = waiting
      }
      return waiting
    },
    assertCanPublish() {
      nextCrlNumber(current.number, options.clock.now())
    },
  }
}

async function upToDateList(options: ListPublisherOptions): Promise<CurrentList> {
  const { latest, head } = await options.store.read(async (reads) => ({
    latest: await reads.latestList(),
    head: await reads.journalHead(),
  }))
  if (latest === null) return makeList(options)
  const { thisUpdate, journal } = parseCrl(latest.bytes).header
  const age = options.clock.now() - thisUpdate
  const isRecent = age >= 0 && age < SPANS.crlInterval
  if (!isRecent || journal.index !== head.index) return makeList(options)
  return { ...latest, hash: sha256(latest.bytes) }
}

/** Makes the next list outside any transaction, and once more if another process published meanwhile. */
async function makeList(options: ListPublisherOptions): Promise<CurrentList> {
  for (;;) {
    const list = await composeList(options)
    const isNext = await options.store.transaction(async (tx) => {
      const latest = await tx.latestList()
      if ((latest?.number ?? null) !== list.previous) return false
      await tx.putList(list.row)
      return true
    })
    if (isNext) return { ...list.row, hash: sha256(list.row.bytes) }
  }
}

async function composeList({ store, unlocked, documents, clock }: ListPublisherOptions) {
  const thisUpdate = clock.now()
  // Others commit between these look-ups. The head comes before the entries: a list that names a journal's head holds
  // all that was revoked until then, or a start after a crash would take it for up to date.
  const content = await store.read(async (reads) => ({
    previous: await reads.latestList(),
    head: await reads.journalHead(),
    entries: await reads.revocations(dayOf(thisUpdate)),
    hours: await readSetting(reads, 'crl.nextUpdateHours'),
    authority: await documents.newest(reads),
  }))
  const number = nextCrlNumber(content.previous?.number, thisUpdate)
  const nextUpdate = thisUpdate + content.hours * 60 * 60
  const fields = {
    number,
    thisUpdate,
    nextUpdate,
    issuer: unlocked.ca.fingerprint,
    journal: { index: content.head.index, head: toHex(content.head.hash) },
    entries: content.entries,
  }
  const bytes = await encodeCrl(fields, (body) =>
    signForPurpose(unlocked.ca.key, {
      purpose: 'revocation-list',
      domain: notationDomain(content.authority),
      bytes: body,
      at: thisUpdate,
    }),
  )
  return { previous: content.previous?.number ?? null, row: { number, thisUpdate, nextUpdate, bytes } }
}
