import type { Clock, Random } from '@mailseal/common'
import type { AuthorityDocuments } from '../authority-documents.ts'
import type { Outbox } from '../mail/outbox.ts'
import type { ListPublisher } from '../revocation-list.ts'
import type { Unlocked } from '../start-up/index.ts'
import type { Store } from '../store/store.ts'

/** What every task works with. */
export interface TaskContext {
  readonly store: Store
  readonly unlocked: Unlocked
  readonly documents: AuthorityDocuments
  readonly lists: ListPublisher
  readonly outbox: Outbox
  readonly clock: Clock
  readonly random: Random
  /** Where users' agents reach this server; it stands in every offer. */
  readonly serverUrl: string
}
