import { domainToASCII } from 'node:url'
import { utf8 } from './encoding.ts'
import { MailsealError } from './errors.ts'
import { LIMITS } from './limits.ts'

/** Marks that reorder text, invisible controls, line ends and unpaired surrogates: a name with one can pass for another. */
const DECEPTIVE = /[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}\p{Cs}]/u
/** RFC 5322, section 3.2.3: a dot-atom. Quoted local parts are refused; hardly a mailbox has one. */
const LOCAL_PART = /^[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*$/
const DOMAIN_LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/

/**
 * Reads a domain name; international ones become A-labels, letters lower case.
 *
 * @throws {@link MailsealError} `bad-data`.
 */
export function asDomain(text: string): string {
  const domain = text.length <= LIMITS.domainBytes ? domainToASCII(text) : ''
  const labels = domain.split('.')
  const valid = domain.length <= LIMITS.domainBytes && labels.every((label) => DOMAIN_LABEL.test(label))
  if (!valid || /^[\d.]+$/.test(domain)) throw new MailsealError('bad-data', 'this is not a domain name')
  return domain
}

/**
 * Reads an e-mail address (RFC 5322 addr-spec): the local part stays exact, the domain becomes lower-case A-labels.
 *
 * @throws {@link MailsealError} `bad-data`.
 */
export function asAddress(text: string): string {
  const at = text.lastIndexOf('@')
  const localPart = text.slice(0, Math.max(at, 0))
  if (at < 1 || localPart.length > LIMITS.localPartBytes || !LOCAL_PART.test(localPart)) {
    throw new MailsealError('bad-data', 'this is not an e-mail address', {
      hint: 'an address looks like alice@example.org',
    })
  }
  const address = `${localPart}@${asDomain(text.slice(at + 1))}`
  if (address.length > LIMITS.addressBytes) throw new MailsealError('too-large', 'the address is too long')
  return address
}

/** The domain of a checked address. */
export function domainOf(address: string): string {
  return address.slice(address.lastIndexOf('@') + 1)
}

/**
 * Reads a mailbox's display name: NFC, outer blanks removed, possibly empty.
 *
 * @throws {@link MailsealError} `bad-data` if it is too long or holds what could pass for another name or address.
 */
export function asMailboxName(text: string): string {
  const name = text.normalize('NFC').trim()
  if ([...name].length > LIMITS.nameCharacters) {
    throw new MailsealError('bad-data', `the name is longer than ${LIMITS.nameCharacters} characters`)
  }
  if (DECEPTIVE.test(name) || /[<>@"]/.test(name)) {
    throw new MailsealError('bad-data', 'the name holds a character that no name may hold', {
      hint: 'leave out < > @ " and control characters',
    })
  }
  return name
}

/**
 * Reads the name of an organization or an administrator.
 *
 * @throws {@link MailsealError} `bad-data`.
 */
export function asPlainName(text: string, label: string, maxCharacters: number): string {
  const name = text.normalize('NFC').trim()
  if (name === '' || [...name].length > maxCharacters || DECEPTIVE.test(name)) {
    throw new MailsealError('bad-data', `${label} must have 1 to ${maxCharacters} printable characters`)
  }
  return name
}

/** The one User ID string of a mailbox's certificate: `Name <address>`, or `<address>` without a name. */
export function formatUserId(name: string, address: string): string {
  return name === '' ? `<${address}>` : `${name} <${address}>`
}

/**
 * The address in a User ID: what stands in its last angle brackets, at the very end.
 * OpenPGP.js's own parser is not used: it reads `Eve <boss@x> <eve@x>` as an empty address.
 *
 * @returns null if there is none.
 */
export function addressOfUserId(userId: string): string | null {
  const open = userId.lastIndexOf('<')
  if (open < 0 || !userId.endsWith('>') || utf8(userId).length > 2 * LIMITS.addressBytes + LIMITS.nameCharacters * 4)
    return null
  try {
    return asAddress(userId.slice(open + 1, -1))
  } catch {
    return null
  }
}
