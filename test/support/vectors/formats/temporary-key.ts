import { asText, deriveTemporaryKeySecrets, fromHex, parseTemporaryKey, toHex, utf8 } from '@mailseal/common'
import { formatTemporaryKey } from '../../../../packages/common/src/temporary-key.ts'
import type { Format } from '../format.ts'

/** A temporary key as a person types it, and all that becomes of it. */
export const temporaryKey: Format = {
  name: 'temporary-key',
  inputs: [],
  results: ['written', 'secret', 'psk', 'psk-id', 'mac-key', 'history-key'],
  makings: [],
  async read({ body }) {
    const secret = parseTemporaryKey(asText(body, 'the temporary key'))
    const { psk, pskId, macKey, historyKey } = deriveTemporaryKeySecrets(secret)
    return {
      written: formatTemporaryKey(secret),
      secret: toHex(secret),
      psk: toHex(psk),
      'psk-id': toHex(pskId),
      'mac-key': toHex(macKey),
      'history-key': toHex(historyKey),
    }
  },
  async write(given) {
    const written = formatTemporaryKey(fromHex(given.text('secret'), 'secret'))
    const isAsWritten = asText(given.body, 'the temporary key') === given.text('written')
    return { headers: { written }, ...(isAsWritten ? { body: utf8(written) } : {}) }
  },
}
