export { canonicalText } from './canonical-text.ts'
export { composeSigned, type SignedComposition } from './compose-signed.ts'
export { readSigned, type SignedMessage } from './read-signed.ts'
