import { MailsealError } from '../errors.ts'
import { LIMITS } from '../limits.ts'

/** One OpenPGP packet as it is framed: nothing inside has been looked at. */
export interface Frame {
  readonly tag: number
  readonly body: Uint8Array
}

/** Packets whose body may come in pieces (RFC 9580, section 4.2.1.4): those that hold a message's data. */
const DATA_TAGS: ReadonlySet<number> = new Set([8, 9, 11, 18, 20])
/** RFC 9580, section 4.2.1.4: the first piece has at least 512 bytes. */
const SHORTEST_FIRST_PIECE = 512

/**
 * Takes a binary OpenPGP message apart into its outermost packets, in one pass and without reading them.
 *
 * @param bytes - Attacker-controlled; the caller has bounded its length.
 * @throws {@link MailsealError} `bad-data` if it is not packets from the first to the last byte; `too-large` beyond
 *   `LIMITS.messageKeys` packets.
 */
export function readFrames(bytes: Uint8Array): Frame[] {
  const frames: Frame[] = []
  const reader = new FrameReader(bytes)
  while (!reader.isAtEnd) {
    if (frames.length > LIMITS.messageKeys) {
      throw new MailsealError('too-large', `the message is encrypted to more than ${LIMITS.messageKeys} keys`)
    }
    frames.push(reader.frame())
  }
  return frames
}

class FrameReader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length
  }

  frame(): Frame {
    const head = this.#number(1)
    if ((head & 0x80) === 0) throw malformed()
    if ((head & 0x40) === 0) return { tag: (head >> 2) & 0x0f, body: this.#take(this.#oldLength(head & 0x03)) }
    const tag = head & 0x3f
    return { tag, body: this.#newBody(tag) }
  }

  #oldLength(kind: number): number {
    return kind === 3 ? this.#bytes.length - this.#at : this.#number(2 ** kind)
  }

  #newBody(tag: number): Uint8Array {
    const first = this.#number(1)
    return isPartial(first) ? this.#pieces(tag, first) : this.#take(this.#length(first))
  }

  /** Copied into one array at once: pieces may be of one byte each. */
  #pieces(tag: number, first: number): Uint8Array {
    if (!DATA_TAGS.has(tag) || 2 ** (first & 0x1f) < SHORTEST_FIRST_PIECE) throw malformed()
    const body = new Uint8Array(this.#bytes.length - this.#at)
    let size = 0
    for (let octet = first; ; octet = this.#number(1)) {
      const piece = this.#take(isPartial(octet) ? 2 ** (octet & 0x1f) : this.#length(octet))
      body.set(piece, size)
      size += piece.length
      if (!isPartial(octet)) return body.subarray(0, size)
    }
  }

  #length(first: number): number {
    if (first < 192) return first
    if (first < 224) return ((first - 192) << 8) + this.#number(1) + 192
    return this.#number(4)
  }

  #number(octets: number): number {
    return this.#take(octets).reduce((value, octet) => value * 256 + octet, 0)
  }

  #take(length: number): Uint8Array {
    const end = this.#at + length
    if (end > this.#bytes.length) throw malformed()
    const taken = this.#bytes.subarray(this.#at, end)
    this.#at = end
    return taken
  }
}

function isPartial(octet: number): boolean {
  return octet >= 224 && octet < 255
}

function malformed(): MailsealError {
  return new MailsealError('bad-data', 'this is not an OpenPGP message')
}
