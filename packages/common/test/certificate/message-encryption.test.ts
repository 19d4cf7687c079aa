import { deflateRawSync, deflateSync } from 'node:zlib'
import * as openpgp from 'openpgp'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import {
  encryptionKeyOf,
  makeUserKey,
  openMessage,
  parseCertificate,
  readMessageSignatures,
  readPrimarySecret,
  readSecretSubkeys,
  sealMessage,
  type UserKey,
  verifyMessageSignature,
} from '../../src/certificate/index.ts'
import { armored, unarmored } from '../../src/certificate/message-armor.ts'
import { makeSignature, OPENPGP_CONFIG, SIGNATURE, SUBKEY_FLAGS, writePackets } from '../../src/certificate/packets.ts'
import { concat, LIMITS, SPANS, systemRandom, utf8 } from '../../src/index.ts'

const NOW = 1_790_000_000
const TEXT = utf8('Content-Type: text/plain\r\n\r\nAt noon?\r\n')
const { message: MESSAGE } = openpgp.enums.armor
const ONE_TEXT = { code: 'cannot-decrypt', exitCode: 29, message: 'the message cannot be decrypted' }

const alice = await makeUserKey('Alice <alice@example.org>', NOW)
const bob = await makeUserKey('Bob <bob@example.org>', NOW)
const carol = await makeUserKey('Carol <carol@example.org>', NOW)

const subkeyOf = async ({ certificate }: UserKey) => (await parseCertificate(certificate)).subkey
const secretsOf = ({ secretKey }: UserKey) => readSecretSubkeys(secretKey)

async function sealed({ to = [bob], from = alice as UserKey | null, at = NOW, text = TEXT } = {}) {
  const recipients = await Promise.all(to.map(subkeyOf))
  const signer = from === null ? null : await readPrimarySecret(from.secretKey)
  return utf8(await sealMessage(text, { recipients, signer, at, random: systemRandom }))
}

/** A message of any packets, as OpenPGP.js writes it, to Bob. */
async function sealedPackets(packets: readonly openpgp.AnyPacket[], config: Partial<openpgp.Config> = {}) {
  const list = new openpgp.PacketList<openpgp.AnyPacket>()
  list.push(...packets)
  const message = new (openpgp as unknown as { Message: new (list: object) => openpgp.Message<Uint8Array> }).Message(
    list,
  )
  const encryptionKeys = await openpgp.readKey({ binaryKey: bob.certificate })
  const date = new Date(NOW * 1000)
  return new Uint8Array(
    (await openpgp.encrypt({ message, encryptionKeys, date, format: 'binary', config })) as Uint8Array<ArrayBuffer>,
  )
}

const literal = async (text: Uint8Array) =>
  (await openpgp.createMessage({ binary: text })).packets as openpgp.AnyPacket[]

/** Declared private in the types. */
interface Decompressing {
  decompress(config: openpgp.Config): Promise<void>
}

describe('a sealed message', () => {
  it('opens for each recipient, with the signature from inside', async () => {
    const message = await sealed({ to: [bob, carol] })
    for (const reader of [bob, carol]) {
      const opened = await openMessage(message, await secretsOf(reader))
      expect(opened.content).toEqual(TEXT)
      expect(opened.isCipherStrong).toBe(true)
      expect(opened.recipientKeyIds).toEqual([bob, carol].map((key) => key.subkeyFingerprint.slice(-16)))
      const [signature, ...others] = await readMessageSignatures(opened.signatures ?? new Uint8Array())
      expect(others).toEqual([])
      const { primary } = await parseCertificate(alice.certificate)
      expect(signature && (await verifyMessageSignature(signature, primary, opened.content))).toBe(true)
      expect(signature?.created).toEqual(new Date(NOW * 1000))
    }
  })

  it('can be without a signature', async () => {
    expect(await openMessage(await sealed({ from: null }), await secretsOf(bob))).toMatchObject({ signatures: null })
  })

  it('is signed also when the own self-signature of the key has ended', async () => {
    const opened = await openMessage(await sealed({ at: bob.validTo + 1 }), await secretsOf(bob))
    const [signature] = await readMessageSignatures(opened.signatures ?? new Uint8Array())
    expect(signature?.created).toEqual(new Date((bob.validTo + 1) * 1000))
  })

  it('opens with a bare subkey from the archive', async () => {
    const keys = await readSecretSubkeys(bob.secretSubkey)
    expect((await openMessage(await sealed(), keys)).content).toEqual(TEXT)
  })

  it('shows nobody for whom else it is', async () => {
    const binary = Buffer.from(await unarmored(await sealed({ to: [bob] }), MESSAGE))
    expect(binary.includes(Buffer.from(bob.subkeyFingerprint.slice(-16), 'hex'))).toBe(true)
    for (const key of [alice, carol]) {
      expect(binary.includes(Buffer.from(key.subkeyFingerprint.slice(-16), 'hex'))).toBe(false)
    }
  })

  it('carries its checksum, also where its base64 needs no padding', async () => {
    const armor = armored(MESSAGE, new Uint8Array(48))
    expect(armor).toMatch(/\n=[A-Za-z0-9+/]{4}\n-----END PGP MESSAGE-----\n$/)
  })

  it('has no end in its number of recipients but the one written down', async () => {
    const subkey = await subkeyOf(bob)
    const recipients = Array.from({ length: LIMITS.messageKeys + 1 }, () => subkey)
    await expect(sealMessage(TEXT, { recipients, signer: null, at: NOW, random: systemRandom })).rejects.toMatchObject({
      code: 'too-large',
      message: 'a message has at most 4096 recipients',
    })
  })
})

describe('what others send', () => {
  it('opens when the recipient is hidden, with any key', async () => {
    const message = await openpgp.encrypt({
      message: await openpgp.createMessage({ binary: TEXT }),
      encryptionKeys: await openpgp.readKey({ binaryKey: bob.certificate }),
      wildcard: true,
      date: new Date(NOW * 1000),
      format: 'binary',
    })
    const opened = await openMessage(message, [...(await secretsOf(carol)), ...(await secretsOf(bob))])
    expect(opened).toMatchObject({ content: TEXT, recipientKeyIds: ['0000000000000000'] })
  })

  it.each(['gcm', 'ocb', 'eax'] as const)('opens in version 2 with %s', async (aead) => {
    const message = await openpgp.encrypt({
      message: await openpgp.createMessage({ binary: TEXT }),
      encryptionKeys: await openpgp.readKey({ binaryKey: bob.certificate }),
      sessionKey: { data: systemRandom(32), algorithm: 'aes256', aeadAlgorithm: aead },
      date: new Date(NOW * 1000),
      format: 'binary',
      config: { aeadProtect: true },
    })
    expect(await openMessage(message, await secretsOf(bob))).toMatchObject({
      content: TEXT,
      recipientKeyIds: [bob.subkeyFingerprint.slice(-16)],
    })
  })

  it('opens compressed', async () => {
    const compressed = new openpgp.CompressedDataPacket()
    const list = new openpgp.PacketList<openpgp.AnyPacket>()
    list.push(...(await literal(TEXT)))
    Object.assign(compressed, { packets: list, algorithm: openpgp.enums.compression.zlib })
    expect((await openMessage(await sealedPackets([compressed]), await secretsOf(bob))).content).toEqual(TEXT)
  })

  it('opens padded as Sequoia pads: with anything behind the compressed data', async () => {
    for (const [algorithm, deflate] of [
      [openpgp.enums.compression.zip, deflateRawSync],
      [openpgp.enums.compression.zlib, deflateSync],
    ] as const) {
      const compressed = concat(deflate(writePackets(...(await literal(TEXT)))), new Uint8Array(100))
      const padded = Object.assign(new openpgp.CompressedDataPacket(), { algorithm, compressed })
      expect((await openMessage(await sealedPackets([padded]), await secretsOf(bob))).content).toEqual(TEXT)
    }
  })

  it('opens also with a cipher of old, and says so', async () => {
    const cipher = openpgp.enums.symmetric.tripledes
    const encryptionKeys = await openpgp.readKey({ binaryKey: bob.certificate })
    const message = await openpgp.encrypt({
      message: await openpgp.createMessage({ binary: TEXT }),
      sessionKey: {
        data: systemRandom(24),
        algorithm: openpgp.enums.read(openpgp.enums.symmetric, cipher) as 'tripledes',
      },
      encryptionKeys,
      date: new Date(NOW * 1000),
      format: 'binary',
    })
    expect((await openMessage(message, await secretsOf(bob))).isCipherStrong).toBe(false)
  })
})

/** Every way in which a message does not open is told in the same words. */
describe('cannot be opened, in one text:', () => {
  const refused = async (message: Uint8Array, keys = secretsOf(bob)) =>
    expect(openMessage(message, await keys)).rejects.toMatchObject(ONE_TEXT)

  it('a message to somebody else', async () => {
    await refused(await sealed({ to: [carol] }))
  })

  it('EFAIL: any byte of it changed', async () => {
    const binary = await unarmored(await sealed(), MESSAGE)
    // The first 12 bytes say to whom it is: another key id is another recipient, which is refused as well.
    for (let at = 0; at < binary.length; at += 7) {
      const changed = new Uint8Array(binary)
      changed[at] = (changed[at] as number) ^ 0x01
      await refused(changed)
    }
  })

  it('a modification detection code cut off, and the data retagged as having none', async () => {
    const binary = await unarmored(await sealed(), MESSAGE)
    const start = 2 + (binary[1] as number)
    const length = ((binary[start + 1] as number) - 192) * 256 + (binary[start + 2] as number) + 192
    expect([binary[start], start + 3 + length]).toEqual([0xc0 | 18, binary.length])
    // Tag 9 has no version byte, and nothing behind the text.
    const body = binary.subarray(start + 4, binary.length - 22)
    const header = Uint8Array.of(0xc0 | 9, 255, 0, 0, body.length >> 8, body.length & 255)
    await refused(concat(binary.subarray(0, start), header, body))
  })

  it('protected data retagged as unprotected, and nothing else', async () => {
    const binary = await unarmored(await sealed(), MESSAGE)
    const retagged = new Uint8Array(binary)
    retagged[2 + (binary[1] as number)] = 0xc0 | 9
    await refused(retagged)
  })

  it('data of version 2 whose key comes in a packet of the old version', async () => {
    const sessionKey = { data: systemRandom(32), algorithm: 'aes256', aeadAlgorithm: 'gcm' } as const
    const encryptionKeys = await openpgp.readKey({ binaryKey: bob.certificate })
    const date = new Date(NOW * 1000)
    const message = await openpgp.createMessage({ binary: TEXT })
    const config = { aeadProtect: true }
    const data = await openpgp.encrypt({ message, sessionKey, date, format: 'binary', config })
    const { aeadAlgorithm: _, ...old } = sessionKey
    const options = { ...old, encryptionKeys, date, format: 'binary' } as const
    const wrapped = (await openpgp.encryptSessionKey(options)) as Uint8Array
    await refused(concat(wrapped, data))
  })

  it('data without integrity protection, as old programs write them', async () => {
    const key = systemRandom(32)
    const data = new openpgp.SymmetricallyEncryptedDataPacket()
    const list = new openpgp.PacketList<openpgp.AnyPacket>()
    list.push(...(await literal(TEXT)))
    const withEncrypt = Object.assign(data, { packets: list }) as unknown as {
      encrypt(algorithm: number, key: Uint8Array, config: openpgp.Config): Promise<void>
    }
    await withEncrypt.encrypt(openpgp.enums.symmetric.aes256, key, OPENPGP_CONFIG)
    const wrapped = await openpgp.encryptSessionKey({
      data: key,
      algorithm: 'aes256',
      encryptionKeys: await openpgp.readKey({ binaryKey: bob.certificate }),
      date: new Date(NOW * 1000),
      format: 'binary',
    })
    await refused(concat(wrapped as Uint8Array, writePackets(data)))
  })

  it('one that is cut off, or has something behind it', async () => {
    const binary = await unarmored(await sealed(), MESSAGE)
    for (const length of [0, 1, 50, binary.length - 30, binary.length - 1]) await refused(binary.slice(0, length))
    await refused(concat(binary, writePackets(...(await literal(utf8('more'))))))
    await refused(concat(binary, binary))
  })

  it('one that holds two texts, or none', async () => {
    await refused(await sealedPackets([...(await literal(TEXT)), ...(await literal(utf8('and more')))]))
    await refused(await sealedPackets([]))
    const nothing = Object.assign(new openpgp.CompressedDataPacket(), {
      packets: new openpgp.PacketList<openpgp.AnyPacket>(),
      algorithm: openpgp.enums.compression.zlib,
    })
    await refused(await sealedPackets([...(await literal(TEXT)), nothing]))
    await refused(await sealedPackets([nothing]))
  })

  it('a signature announced and left out', async () => {
    const onePass = new openpgp.OnePassSignaturePacket()
    const { keyID } = { keyID: (await subkeyOf(alice)).getKeyID() }
    Object.assign(onePass, {
      version: 3,
      signatureType: 0,
      hashAlgorithm: 10,
      publicKeyAlgorithm: 22,
      issuerKeyID: keyID,
      flags: 1,
    })
    await refused(await sealedPackets([onePass, ...(await literal(TEXT))]))
  })

  it('a quine: compressed data in compressed data', async () => {
    const wrap = (inner: readonly openpgp.AnyPacket[]) => {
      const list = new openpgp.PacketList<openpgp.AnyPacket>()
      list.push(...inner)
      const packet = new openpgp.CompressedDataPacket()
      return Object.assign(packet, { packets: list, algorithm: openpgp.enums.compression.zlib })
    }
    await refused(await sealedPackets([wrap([wrap(await literal(TEXT))])]))
  })

  it('a bomb: 70 MB of zeros, compressed', async () => {
    const list = new openpgp.PacketList<openpgp.AnyPacket>()
    list.push(...(await literal(new Uint8Array(70 * 1024 * 1024))))
    const bomb = Object.assign(new openpgp.CompressedDataPacket(), {
      packets: list,
      algorithm: openpgp.enums.compression.zlib,
    })
    const message = await sealedPackets([bomb])
    expect(message.length).toBeLessThan(200_000)
    await refused(message)
  })

  it('many bombs: none is undone before it is certain that there is just one', async () => {
    const decompress = vi.spyOn(openpgp.CompressedDataPacket.prototype as unknown as Decompressing, 'decompress')
    onTestFinished(() => decompress.mockRestore())
    const packet = Object.assign(new openpgp.CompressedDataPacket(), {
      algorithm: openpgp.enums.compression.zlib,
      compressed: deflateSync(writePackets(...(await literal(TEXT)))),
    })
    await refused(await sealedPackets(Array(20).fill(packet)))
    expect(decompress).not.toHaveBeenCalled()
  })

  it('something that is no message at all', async () => {
    for (const text of ['', 'hello', '-----BEGIN PGP MESSAGE-----\n\nAAAA\n-----END PGP MESSAGE-----\n'])
      await refused(utf8(text))
    await refused(utf8(armored(openpgp.enums.armor.publicKey, bob.certificate)))
  })

  it('a crowd of hidden recipients that would keep the reader busy', async () => {
    const binary = await unarmored(await sealed({ to: [carol] }), MESSAGE)
    const length = 2 + (binary[1] as number)
    const hidden = concat(binary.subarray(0, 3), new Uint8Array(8), binary.subarray(11, length))
    const crowd = Array.from({ length: LIMITS.messageKeys - 1 }, () => hidden)
    let tries = 0
    const [key] = await secretsOf(bob)
    const counted = Object.create(key as object, {
      algorithm: {
        get: () => {
          tries++
          return key?.algorithm
        },
      },
    }) as openpgp.SecretSubkeyPacket
    await refused(concat(...crowd, binary.subarray(length)), Promise.resolve([counted]))
    expect(tries).toBeGreaterThan(0)
    expect(tries).toBeLessThan(5 * LIMITS.decryptionTries)
    await refused(concat(...crowd, ...crowd, binary.subarray(length)))
  })
})

describe("a certificate's encryption key", () => {
  it('is there from the clocks’ tolerance before its beginning to its end', async () => {
    const { certificate, validTo } = bob
    const isThere = async (now: number) => (await encryptionKeyOf(certificate, now)) !== null
    expect(await isThere(NOW - SPANS.clockTolerance - 1)).toBe(false)
    expect(await isThere(NOW - SPANS.clockTolerance)).toBe(true)
    expect(await isThere(validTo - 1)).toBe(true)
    expect(await isThere(validTo)).toBe(false)
  })

  /** Bob's certificate with one more signature behind its subkey. */
  async function withBinding(type: openpgp.enums.signature, at: number, fields: object): Promise<Uint8Array> {
    const { primary, subkey } = await parseCertificate(bob.certificate)
    const signer = await readPrimarySecret(bob.secretKey)
    const signature = await makeSignature(type, signer, { key: primary, bind: subkey }, at, fields)
    return concat(bob.certificate, writePackets(signature))
  }

  it('is gone with a revocation, whatever came after it', async () => {
    const revoked = concat(bob.certificate, bob.subkeyRevocation)
    expect(await encryptionKeyOf(revoked, NOW + 1)).toBe(null)
    const again = await withBinding(SIGNATURE.subkeyBinding, NOW + 10, { keyFlags: new Uint8Array([SUBKEY_FLAGS]) })
    expect(await encryptionKeyOf(concat(again, bob.subkeyRevocation), NOW + 20)).toBe(null)
  })

  it('stays where somebody else wrote the revocation', async () => {
    expect(await encryptionKeyOf(concat(bob.certificate, carol.subkeyRevocation), NOW + 1)).not.toBe(null)
  })

  it('lives on by a renewal', async () => {
    const life = bob.validTo - NOW + 1000
    const renewed = await withBinding(SIGNATURE.subkeyBinding, NOW + 500, {
      keyFlags: new Uint8Array([SUBKEY_FLAGS]),
      keyExpirationTime: life,
    })
    expect(await encryptionKeyOf(renewed, bob.validTo + 999)).not.toBe(null)
    expect(await encryptionKeyOf(renewed, bob.validTo + 1000)).toBe(null)
  })

  it('is for encryption, as its newest binding says', async () => {
    const signing = await withBinding(SIGNATURE.subkeyBinding, NOW + 5, { keyFlags: new Uint8Array([0x02]) })
    expect(await encryptionKeyOf(signing, NOW + 10)).toBe(null)
  })
})
