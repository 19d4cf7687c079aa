/**
 * Text of bytes in a charset named by an outsider; wrong bytes become U+FFFD.
 *
 * @param charset - Any label of the WHATWG Encoding standard, which reads us-ascii and iso-8859-1 as windows-1252.
 * @returns null for a charset that nobody knows.
 */
export function decodeCharset(bytes: Uint8Array, charset: string): string | null {
  try {
    return new TextDecoder(charset).decode(bytes)
  } catch {
    return null
  }
}
