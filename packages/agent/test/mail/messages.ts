import { utf8 } from '@mailseal/common'

/** A letter as somebody writes it. */
export function letter({ from = 'Alice <alice@example.org>', subject = 'Lunch', body = 'At noon?' } = {}) {
  return utf8(`From: ${from}\r\nTo: bob@example.org\r\nSubject: ${subject}\r\n\r\n${body}\r\n`)
}

/** The message with a piece of its text replaced. */
export function altered(message: Uint8Array, from: string, to: string): Uint8Array {
  const text = new TextDecoder().decode(message)
  if (!text.includes(from)) throw new TypeError(`"${from}" is not in the message`)
  return utf8(text.replace(from, to))
}
