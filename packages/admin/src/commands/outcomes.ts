import { MailsealError } from '@mailseal/common'
import type { CommandResult } from '@mailseal/common/program'
import type { Outcome, Refusal, Revoked } from '../admin.ts'

/** What a command says about one address that was done. */
export interface Shown {
  readonly json: object
  readonly text: string
  /** What went wrong after it was done. */
  readonly failure?: MailsealError | undefined
}

/** The result of a task on several addresses: each done or refused by itself, in the order of the answers. */
export function resultOf<T extends { readonly address: string }>(
  outcomes: readonly Outcome<T>[],
  show: (done: T) => Shown,
): CommandResult {
  const shown = outcomes.map((outcome) => (isRefusal(outcome) ? showRefusal(outcome) : show(outcome)))
  return {
    json: { results: shown.map(({ json }) => json) },
    text: shown.map(({ text }) => text).join(''),
    failures: shown.flatMap(({ failure }) => failure ?? []),
  }
}

export function isRefusal<T extends object>(outcome: Outcome<T>): outcome is Refusal {
  return 'error' in outcome
}

function showRefusal({ address, error }: Refusal): Shown {
  return { json: { address, error: error.toJSON() }, text: '', failure: failureOf(address, error) }
}

/** Where serial numbers that were revoked stand, of which there is at least one. */
export function listedText({ serials, crlNumber }: Pick<Revoked, 'serials' | 'crlNumber'>): string {
  const [what, are] = serials.length === 1 ? ['serial number', 'is'] : ['serial numbers', 'are']
  return `${what} ${serials.join(', ')} ${are} on revocation list ${crlNumber}`
}

/** An error that names the address it is about. */
export function failureOf(address: string, error: MailsealError): MailsealError {
  if (error.message.includes(address)) return error
  return new MailsealError(error.code, `${address}: ${error.message}`, { hint: error.hint, cause: error })
}
