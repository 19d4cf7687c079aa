import type { Random } from '@mailseal/common'
import { generateSerial } from '@mailseal/common/certificate'
import type { Reads } from '../store/store.ts'

/** A serial number that was never given. */
export async function newSerial(reads: Reads, random: Random): Promise<string> {
  for (;;) {
    const serial = generateSerial(random)
    if ((await reads.certificate(serial)) === null) return serial
  }
}
