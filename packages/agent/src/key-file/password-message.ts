import { asText, concat, MailsealError, type Random, utf8 } from '@mailseal/common'
import { OPENPGP_CONFIG } from '@mailseal/common/certificate'
import * as openpgp from 'openpgp'

/** Argon2id and AES-256-GCM (RFC 9580, sections 3.7.1.4 and 5.13.2). */
const CONFIG: openpgp.Config = {
  ...OPENPGP_CONFIG,
  s2kType: openpgp.enums.s2k.argon2,
  aeadProtect: true,
  preferredAEADAlgorithm: openpgp.enums.aead.gcm,
}

const SESSION_KEY_LENGTH = 32
const AES256 = openpgp.enums.symmetric.aes256
const GCM = openpgp.enums.aead.gcm
const ARGON2 = openpgp.enums.s2k.argon2
/** Tag 3, 85 bytes; version 6, 35 bytes of parameters, cipher, AEAD, 20 bytes of S2K specifier (RFC 9580, section 5.3.2). */
const PACKET_START = Uint8Array.of(0xc3, 85, 6, 35, AES256, GCM, 20, ARGON2)
const PACKET_LENGTH = 87
/** Behind the start and 16 bytes of salt: passes, lanes, memory exponent in KiB. */
const COST_AT = 24
/** What a file of somebody else may ask for: 256 MiB, a few seconds. */
const COST_LIMITS = [10, 16, 18] as const

/** What a password opens a message with: it stays the same while only the content is rewritten. */
export interface PasswordLock {
  /** The password packet's exact bytes. */
  readonly packet: Uint8Array<ArrayBuffer>
  /** 32 bytes; secret. */
  readonly sessionKey: Uint8Array<ArrayBuffer>
}

/** What opening with a password costs: Argon2id's passes, lanes, and memory as the exponent of 2 in KiB. */
export interface Argon2Cost {
  readonly passes: number
  readonly parallelism: number
  readonly memoryExponent: number
}

/** 64 MiB: a quarter of a second. */
export const ARGON2_COST: Argon2Cost = { passes: 3, parallelism: 4, memoryExponent: 16 }

/** Makes a lock with a new session key; whoever opens it pays its cost again. */
export async function makeLock(
  password: string,
  random: Random,
  argon2: Argon2Cost = ARGON2_COST,
): Promise<PasswordLock> {
  const sessionKey = random(SESSION_KEY_LENGTH)
  const packet = await openpgp.encryptSessionKey({
    ...asSessionKey(sessionKey),
    passwords: [password.normalize('NFC')],
    format: 'binary',
    config: { ...CONFIG, s2kArgon2Params: { ...argon2 } },
  })
  return { packet: new Uint8Array(packet), sessionKey }
}

/** Encrypts content under a lock: an armored OpenPGP message that any RFC 9580 program opens with the password. */
export async function sealWithLock(lock: PasswordLock, content: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  const sealed = await openpgp.encrypt({
    // Zero stands for no specific time (RFC 9580, section 5.9); left out, it would be this computer's.
    message: await openpgp.createMessage({ binary: content, date: new Date(0) }),
    sessionKey: asSessionKey(lock.sessionKey),
    format: 'binary',
    config: CONFIG,
  })
  return utf8(
    openpgp.armor(
      openpgp.enums.armor.message,
      concat(lock.packet, sealed),
      undefined,
      undefined,
      undefined,
      false,
      CONFIG,
    ),
  )
}

/**
 * Opens what {@link sealWithLock} made.
 *
 * @param bytes - Attacker-controlled; the caller has bounded its length.
 * @param label - What the file is called in messages.
 * @throws {@link MailsealError} `password-wrong`; `bad-data` if it is no such message or is damaged.
 */
export async function openWithPassword(
  bytes: Uint8Array,
  password: string,
  label: string,
): Promise<{ content: Uint8Array<ArrayBuffer>; lock: PasswordLock }> {
  const { data } = await readable(label, async () => openpgp.unarmor(asText(bytes, label), CONFIG))
  const binary = new Uint8Array(data)
  const packet = asPasswordPacket(binary, label)
  const message = () => openpgp.readMessage({ binaryMessage: binary, config: CONFIG })
  const locked = await readable(label, message)
  // Each further password packet could ask for any cost: OpenPGP.js tries them all.
  if (locked.packets.length !== 2) throw notLocked(label)
  const [key] = await openSessionKeys(locked, password, label)
  if (key?.data.length !== SESSION_KEY_LENGTH) throw damaged(label)
  const sessionKey = new Uint8Array(key.data)
  const opened = await readable(label, async () =>
    openpgp.decrypt({
      message: await message(),
      sessionKeys: asSessionKey(sessionKey),
      format: 'binary',
      config: CONFIG,
    }),
  )
  return { content: new Uint8Array(opened.data), lock: { packet, sessionKey } }
}

async function openSessionKeys(message: openpgp.Message<Uint8Array>, password: string, label: string) {
  try {
    return await openpgp.decryptSessionKeys({ message, passwords: [password.normalize('NFC')], config: CONFIG })
  } catch (cause) {
    throw new MailsealError('password-wrong', `the password does not open ${label}`, { cause })
  }
}

/** Refuses what is not locked in our one way, or asks for more of Argon2 than a key file may, before Argon2 runs. */
function asPasswordPacket(binary: Uint8Array, label: string): Uint8Array<ArrayBuffer> {
  if (PACKET_START.some((byte, i) => binary[i] !== byte) || binary.length <= PACKET_LENGTH) {
    throw notLocked(label)
  }
  if (COST_LIMITS.some((limit, i) => (binary[COST_AT + i] ?? 0) > limit)) {
    throw new MailsealError('bad-data', `${label} asks for too much memory or time to be opened`)
  }
  return binary.slice(0, PACKET_LENGTH)
}

function asSessionKey(data: Uint8Array<ArrayBuffer>) {
  return { data, algorithm: 'aes256', aeadAlgorithm: 'gcm' } as const
}

async function readable<T>(label: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (cause) {
    throw damaged(label, cause)
  }
}

function notLocked(label: string): MailsealError {
  return new MailsealError('bad-data', `${label} is not locked with a password as key files are`)
}

function damaged(label: string, cause?: unknown): MailsealError {
  return new MailsealError('bad-data', `${label} is damaged`, {
    cause,
    hint: 'use a copy of it: mailseal keyfile use FILE',
  })
}
