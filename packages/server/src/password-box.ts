import { argon2 } from 'node:crypto'
import { promisify } from 'node:util'
import { asMailsealError, concat, MailsealError, type Random, toHex, utf8 } from '@mailseal/common'
import { makeLimiter } from './limiter.ts'
import { open, seal } from './sealing.ts'

/** What a password's key costs (RFC 9106). Stored beside every sealed thing. */
export interface Argon2Parameters {
  readonly memoryKiB: number
  readonly passes: number
  readonly lanes: number
}

/** 256 MiB, 3 passes, 4 lanes: half a second of a server's core, and 256 MiB for each guess of who has the database. */
export const ARGON2_PARAMETERS: Argon2Parameters = { memoryKiB: 256 * 1024, passes: 3, lanes: 4 }

/** Above that a header is damaged, and would take the machine's memory. */
const MEMORY_KIB_MOST = 4 * 1024 * 1024
const PASSES_MOST = 100
const LANES_MOST = 16

const VERSION = 1
const SALT_LENGTH = 16
/** Version, parameters, salt. */
const HEADER_LENGTH = 1 + 3 * 4 + SALT_LENGTH

const derive = promisify(argon2)
/** Each takes 256 MiB and threads that all of node:crypto shares; 32 in the queue wait for eight seconds at most. */
const limiter = makeLimiter({ running: 2, waiting: 32, refusal: 'too many passwords are being checked just now' })

function writeHeader({ memoryKiB, passes, lanes }: Argon2Parameters, salt: Uint8Array): Uint8Array<ArrayBuffer> {
  const header = new Uint8Array(HEADER_LENGTH)
  const view = new DataView(header.buffer)
  view.setUint8(0, VERSION)
  view.setUint32(1, memoryKiB)
  view.setUint32(5, passes)
  view.setUint32(9, lanes)
  header.set(salt, HEADER_LENGTH - SALT_LENGTH)
  return header
}

/**
 * The cost of opening a box.
 *
 * @throws {@link MailsealError} `bad-data` if it is none or damaged.
 */
export function parametersOf(box: Uint8Array): Argon2Parameters {
  const view = new DataView(box.buffer, box.byteOffset, box.byteLength)
  if (box.length <= HEADER_LENGTH || view.getUint8(0) !== VERSION) throw damaged()
  const parameters = { memoryKiB: view.getUint32(1), passes: view.getUint32(5), lanes: view.getUint32(9) }
  const { memoryKiB, passes, lanes } = parameters
  if (memoryKiB > MEMORY_KIB_MOST || passes > PASSES_MOST || lanes > LANES_MOST) throw damaged()
  return parameters
}

const damaged = () => new MailsealError('bad-data', 'a password-protected secret in the database is damaged')

function keyOf(password: string, salt: Uint8Array, { memoryKiB, passes, lanes }: Argon2Parameters): Promise<Buffer> {
  const message = utf8(password.normalize('NFC'))
  const cost = { memory: memoryKiB, passes, parallelism: lanes }
  return limiter.run(() => derive('argon2id', { message, nonce: salt, tagLength: 32, ...cost }))
}

/** The header is bound as well, so that nobody lowers the cost of what the password opens. */
const boundTo = (label: string, header: Uint8Array) => `${label} ${toHex(header)}`

/**
 * Seals a secret under a password: Argon2id, then AES-256-GCM.
 *
 * @param label - What it is and whose; needed again to open.
 * @throws {@link MailsealError} `busy` if too many passwords are being checked.
 */
export async function sealUnderPassword(
  password: string,
  label: string,
  secret: Uint8Array,
  { random, argon2: parameters }: { readonly random: Random; readonly argon2: Argon2Parameters },
): Promise<Uint8Array<ArrayBuffer>> {
  const salt = random(SALT_LENGTH)
  const header = writeHeader(parameters, salt)
  const key = await keyOf(password, salt, parameters)
  return concat(header, seal(key, boundTo(label, header), secret, random))
}

/**
 * Opens what {@link sealUnderPassword} made.
 *
 * @returns null if the password is wrong (or the box damaged behind its header).
 * @throws {@link MailsealError} `bad-data` if the header is damaged; `busy` if too many passwords are being checked.
 */
export async function openUnderPassword(
  password: string,
  label: string,
  box: Uint8Array,
): Promise<Uint8Array<ArrayBuffer> | null> {
  const parameters = parametersOf(box)
  const header = box.subarray(0, HEADER_LENGTH)
  const key = await keyOf(password, header.subarray(-SALT_LENGTH), parameters)
  try {
    return open(key, boundTo(label, header), box.subarray(HEADER_LENGTH))
  } catch (thrown) {
    if (asMailsealError(thrown).code === 'cannot-decrypt') return null
    throw thrown
  }
}

/** Takes as long as opening a box of this cost with a wrong password. */
export async function spendPassword(password: string, parameters: Argon2Parameters): Promise<void> {
  await keyOf(password, new Uint8Array(SALT_LENGTH), parameters)
}
