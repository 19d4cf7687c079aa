import { asText, systemRandom, utf8 } from '@mailseal/common'
import { openPending } from '../../../../packages/agent/src/enrollment/pending.ts'
import { readKeyFileContent, writeKeyFileContent } from '../../../../packages/agent/src/key-file/content.ts'
import { openKeyFile } from '../../../../packages/agent/src/key-file/key-file.ts'
import { type Argon2Cost, makeLock, sealWithLock } from '../../../../packages/agent/src/key-file/password-message.ts'
import { asJson, type Format, type Given } from '../format.ts'
import { withRandomness } from '../randomness.ts'

/** Seals content once more, with the same salts and the same session key. */
function sealAgain(given: Given, content: Uint8Array): Promise<Uint8Array> {
  return withRandomness(given.text('randomness'), async () =>
    sealWithLock(await makeLock(given.text('password'), systemRandom, given.json<Argon2Cost>('argon2')), content),
  )
}

/** A key file and its password. */
export const keyFile: Format = {
  name: 'key-file',
  inputs: ['password'],
  results: ['content'],
  makings: ['randomness', 'argon2'],
  async read(given) {
    const { content } = await openKeyFile(given.body, given.text('password'), 'the key file')
    return { content: asText(writeKeyFileContent(content), 'the content') }
  },
  async write(given) {
    return { body: await sealAgain(given, utf8(given.text('content'))) }
  },
}

/** What a key file holds behind its password. */
export const keyFileContent: Format = {
  name: 'key-file-content',
  inputs: [],
  results: ['mailbox', 'root'],
  makings: [],
  async read({ body }) {
    const { mailbox, root } = await readKeyFileContent(body)
    return { mailbox, root }
  },
  async write({ body }) {
    const { document: _, ...content } = await readKeyFileContent(body)
    return { body: writeKeyFileContent(content) }
  },
}

/** An enrollment that was begun, under the key file's password. */
export const pending: Format = {
  name: 'pending',
  inputs: ['password'],
  results: ['content'],
  makings: ['randomness', 'argon2'],
  async read(given) {
    const content = await openPending(given.body, given.text('password'))
    return { content: asJson({ ...content, format: 'mailseal-enrollment-pending/1' }) }
  },
  async write(given) {
    return { body: await sealAgain(given, utf8(given.text('content'))) }
  },
}
