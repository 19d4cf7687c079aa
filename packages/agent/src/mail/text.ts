import { Buffer } from 'node:buffer'
import { simpleParser } from 'mailparser'

/** HTML longer than this is not turned into text: that takes time that grows faster than it. */
const LONGEST_HTML = 256 * 1024

/**
 * The text of a message or part as a person reads it: its plain text, or its HTML turned into such.
 *
 * @param message - With its MIME header; attacker-controlled, and so is the result.
 * @returns null if it is beyond what the parser puts up with, such as 20,000 lines in a header, or HTML that is too long.
 */
export async function textOf(message: Uint8Array): Promise<string | null> {
  try {
    const parsed = await simpleParser(Buffer.from(message.buffer, message.byteOffset, message.length), {
      skipTextToHtml: true,
      skipTextLinks: true,
      skipImageLinks: true,
      maxHtmlLengthToParse: LONGEST_HTML,
    })
    // HTML that it gives up on leaves a gap in the text, or nothing.
    return parsed.textConversionError === undefined ? (parsed.text ?? '') : null
  } catch {
    // The parser has no errors of its own kind. Whatever it is, the verdict must not be lost over it.
    return null
  }
}
