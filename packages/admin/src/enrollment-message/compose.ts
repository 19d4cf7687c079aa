import { formatMinute, LIMITS, MailsealError, type Random, toHex } from '@mailseal/common'
import { notationDomain } from '@mailseal/common/authority'
import { ATTACHMENT, writeAttachment } from '@mailseal/common/offer'
import type { IssuedKey } from '@mailseal/common/rpc'
import { defaultTemplateFor } from './default-template.ts'
import { readIssued } from './issued.ts'
import { type EnrollmentTemplate, fillPlaces, holdsTemporaryKey, type Placeholder } from './template.ts'

/** Nodemailer takes long to load, and most runs of a program mail nothing. */
const loadComposer = () => import('nodemailer/lib/mail-composer')

/** RFC 5322, section 2.1.1: what any mail server passes on. */
const PLAIN_LINE = /^[\t\x20-\x7e]{0,998}$/
const PLAIN_HEADER = 'Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 7bit'

export interface EnrollmentMessage {
  /** RFC 5322, lines ending with CRLF. */
  readonly bytes: Uint8Array
  /** Whether the temporary key stands in it; if not, somebody has to hand it over. */
  readonly holdsTemporaryKey: boolean
}

/**
 * Composes the welcome message to one mailbox: the text, and the attachment that `mailseal enroll` reads. It comes from
 * the organization's address `mailseal@` its first domain.
 *
 * @param options.now - Unix seconds, UTC: the message's date.
 * @throws {@link MailsealError} `untrusted` if what was issued does not belong together; `too-large`.
 */
export async function composeEnrollmentMessage(options: {
  readonly issued: IssuedKey
  readonly template?: EnrollmentTemplate
  readonly now: number
  readonly random: Random
}): Promise<EnrollmentMessage> {
  const { issued, template = defaultTemplateFor(options.issued), now, random } = options
  const { offer, authority } = readIssued(issued)
  const values: Record<Placeholder, string> = {
    temporaryKey: issued.temporaryKey,
    name: issued.name || issued.address,
    address: issued.address,
    organization: authority.organization,
    expires: formatMinute(issued.expires),
    server: offer.server,
  }
  const domain = notationDomain(authority)
  const content = Buffer.from(writeAttachment({ offer: issued.offer, mac: issued.mac }, issued.authority))
  const { default: MailComposer } = await loadComposer()
  const composer = new MailComposer({
    from: { name: authority.organization, address: `mailseal@${domain}` },
    to: { name: issued.name, address: issued.address },
    subject: fillPlaces(template.subject, values),
    date: new Date(now * 1000),
    messageId: `<${toHex(random(16))}@${domain}>`,
    // RFC 3834: nobody's absence is told to it.
    headers: { 'Auto-Submitted': 'auto-generated' },
    text: asTextPart(fillPlaces(template.text, values)),
    attachments: [{ ...ATTACHMENT, content }],
    baseBoundary: toHex(random(16)),
    newline: 'win',
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  const bytes = await composer.compile().build()
  if (bytes.length > LIMITS.enrollmentMessage) {
    throw new MailsealError(
      'too-large',
      `the message to ${issued.address} is larger than ${LIMITS.enrollmentMessage} bytes`,
    )
  }
  return { bytes, holdsTemporaryKey: holdsTemporaryKey(template) }
}

/**
 * Plain lines stay as they are, so that a file in the outbox can be read, and its commands copied, without a mail
 * program; nodemailer by itself would break each that is longer than 76 characters.
 */
function asTextPart(content: string): { content: string } | { raw: string } {
  const isPlain = content.split('\n').every((line) => PLAIN_LINE.test(line))
  return isPlain ? { raw: `${PLAIN_HEADER}\n\n${content}` } : { content }
}
