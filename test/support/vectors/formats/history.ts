import { asText, fromBase64url, toBase64url, utf8 } from '@mailseal/common'
import { openHistory, sealHistory } from '@mailseal/common/history'
import { type Format, orNone } from '../format.ts'

/** A recovered history: a line of base64url for each piece, oldest first. One that does not open is `none`. */
export const history: Format = {
  name: 'history',
  inputs: ['history-key'],
  results: ['subkeys'],
  makings: [],
  async read(given) {
    const sealed = asText(given.body, 'the history').split('\n')
    const opened = openHistory(
      given.hex('history-key'),
      sealed.map((piece) => fromBase64url(piece, 'the piece')),
    )
    return { subkeys: opened.map(orNone).join(',') }
  },
  async write(given) {
    const subkeys = given.list('subkeys')
    if (subkeys.includes('none')) return {}
    const sealed = sealHistory(
      given.hex('history-key'),
      subkeys.map((subkey) => fromBase64url(subkey, 'the subkey')),
    )
    return { body: utf8(sealed.map(toBase64url).join('\n')) }
  },
}
