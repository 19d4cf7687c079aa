import { systemRandom, utf8 } from '@mailseal/common'
import { encryptionKeyOf, sealMessage } from '@mailseal/common/certificate'
import type { CrlHeader } from '@mailseal/common/crl'
import { composeEncrypted } from '@mailseal/common/pgp-mime'
import { expect } from 'vitest'
import { type Computer, outcomeOf } from '../computer.ts'
import { START } from '../km-server.ts'
import type { Key, Model } from '../model.ts'

/** A letter that an agent signed. */
export interface Letter {
  readonly key: Key
  readonly signedAt: number
  readonly message: Uint8Array
}

/** What was sealed and signed in a life, and who can read and believe it. */
export class Mail {
  readonly #model: Model
  /** A message to each key, sealed when it was enrolled. */
  readonly #sealed = new Map<Key, Uint8Array>()
  readonly letters: Letter[] = []

  constructor(model: Model) {
    this.#model = model
  }

  /** Seals a message to a key. */
  async seal(certificate: Uint8Array, key: Key): Promise<void> {
    const recipient = await encryptionKeyOf(certificate, this.#model.now + 300)
    if (recipient === null) throw new Error(`nothing can be encrypted to ${key.address}`)
    const options = { recipients: [recipient], signer: null, at: this.#model.now, random: systemRandom }
    const message = `From: somebody@example.com\r\nTo: ${key.address}\r\nSubject: Secret\r\n\r\nFor ${key.address}.\r\n`
    const sealed = await composeEncrypted({
      message: utf8(message),
      seal: (payload) => sealMessage(payload, options),
      random: systemRandom,
    })
    this.#sealed.set(key, sealed)
  }

  /** Everything that was encrypted to a key that the computer holds opens, and nothing else. */
  async assertOpens(computer: Computer): Promise<void> {
    if (computer.user === null) return
    computer.network.begin(null)
    const reader = await (await computer.agent()).openReader()
    try {
      for (const [key, message] of this.#sealed) {
        const { code, result } = await outcomeOf(reader.open(message))
        const what = `whether ${computer.name} opens what was encrypted to key ${this.#model.keys.indexOf(key)}`
        expect(code, what).toBe(computer.holds.has(key) ? null : 'cannot-decrypt')
        if (result !== null) expect(result.text).toContain(`For ${key.address}.`)
      }
    } finally {
      reader.close()
    }
  }

  /** A third person's verdicts on all letters, by the list that is out. */
  async judge(watcher: Computer, list: CrlHeader): Promise<void> {
    if (this.letters.length === 0) return
    const verifier = await (await watcher.agent()).openVerifier()
    try {
      for (const [i, { key, signedAt, message }] of this.letters.entries()) {
        const { signature, revocation } = await verifier.verify(message)
        expect(revocation.number, "the number of the watcher's list").toBe(list.number)
        const reading = { thisUpdate: list.thisUpdate, remembers: true }
        const wanted = this.#model.verdictOn({ key, signedAt }, reading)
        expect(signature.status, `the verdict on letter ${i}, signed at ${signedAt - START}`).toBe(wanted)
      }
    } finally {
      verifier.close()
    }
  }
}
