/** Reads a structured header field's text (RFC 5322, section 3.2) from left to right; every step is linear. */
export class Scanner {
  readonly #text: string
  #position = 0

  constructor(text: string) {
    this.#text = text
  }

  /** The next character; empty at the end. */
  get next(): string {
    return this.#text.charAt(this.#position)
  }

  /** Takes one character if it is the next. */
  take(character: string): boolean {
    if (this.next !== character) return false
    this.#position += character.length
    return true
  }

  /** Takes everything up to the first of these characters or the end; possibly nothing. */
  until(stops: string): string {
    const start = this.#position
    while (this.#position < this.#text.length && !stops.includes(this.next)) this.#position++
    return this.#text.slice(start, this.#position)
  }

  /**
   * Takes white space and comments, which nest.
   *
   * @returns false if a comment isn't closed; the rest of the text is gone then.
   */
  skipBlanks(): boolean {
    let depth = 0
    for (; this.#position < this.#text.length; this.#position++) {
      const character = this.next
      if (character === '(') depth++
      else if (depth > 0 && character === ')') depth--
      else if (depth > 0 && character === '\\') this.#position++
      else if (depth === 0 && !' \t\r\n'.includes(character)) break
    }
    return depth === 0
  }

  /** Takes a quoted string and gives what it means; null if it isn't closed or none begins here. */
  quotedString(): string | null {
    if (!this.take('"')) return null
    let meaning = ''
    while (this.next !== '') {
      meaning += this.until('"\\')
      if (this.take('"')) return meaning
      this.take('\\')
      meaning += this.next
      this.#position++
    }
    return null
  }
}
