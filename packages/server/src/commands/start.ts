import { LIMITS, MailsealError } from '@mailseal/common'
import { defineCommand, option, readFileBounded, readSecretFile } from '@mailseal/common/program'
import type { TlsFiles } from '../http/listener.ts'
import { startServer } from '../server.ts'
import { findStartupSecret } from '../start-up/index.ts'
import { assertDatabaseFile, databasePath, holdDatabase } from '../store/sqlite/index.ts'
import { dataFolderOf, dataOption, startupSecretFileOption } from './options.ts'

/** Runs the KM server until it is told to stop. */
export const start = defineCommand({
  name: 'start',
  summary: 'Runs the KM server.',
  description:
    'It prints "listening on URL" when it answers, and stops cleanly on SIGTERM and SIGINT. Without TLS it takes ' +
    'passwords from this machine alone. To serve others, give it a TLS certificate, or put a proxy in front of it that ' +
    'speaks https, and declare both with --public-url and --trusted-proxy. The public URL stands in every enrollment.',
  arguments: {},
  options: {
    data: dataOption,
    listen: option.text('--listen HOST:PORT', 'where to listen; port 0 takes a free one', {
      default: '127.0.0.1:8650',
    }),
    publicUrl: option.text('--public-url URL', 'where users and administrators reach the server'),
    trustedProxy: option.list('--trusted-proxy ADDRESS', 'IP address of a proxy that speaks https for this server'),
    tlsCert: option.text('--tls-cert FILE', 'TLS certificate with its chain, PEM'),
    tlsKey: option.text('--tls-key FILE', 'its private key, PEM'),
    startupSecretFile: startupSecretFileOption,
  },
  examples: [
    { command: 'mailseal-server start', description: 'on this machine' },
    {
      command:
        'mailseal-server start --listen 0.0.0.0:443 --public-url https://mailseal.example.org --tls-cert chain.pem --tls-key key.pem',
      description: 'for everybody, with TLS of its own',
    },
    {
      command: 'mailseal-server start --public-url https://mailseal.example.org --trusted-proxy 127.0.0.1',
      description: 'behind a proxy on the same machine',
    },
  ],
  exitCodes: {
    41: 'bad data: a database or a TLS file that is none',
    67: 'the start-up secret could not be had',
    105: 'the start-up secret is wrong',
  },
  async run({ options, io, ask, announce, say, warn }) {
    const dataFolder = dataFolderOf(options.data, io)
    const { listen, publicUrl, trustedProxy: trustedProxies, startupSecretFile: file } = options
    const tls = await readTls(options.tlsCert, options.tlsKey)
    // Where nothing was initialized, nobody should be asked for a secret.
    await assertDatabaseFile(databasePath(dataFolder))
    await using _held = await holdDatabase(databasePath(dataFolder))
    const startupSecret = await findStartupSecret({ file, dataFolder, env: io.env }, ask)
    const stopped = io.untilStopped()
    const log = (line: string) => void warn(line)
    const server = await startServer({ dataFolder, startupSecret, listen, publicUrl, trustedProxies, tls, log })
    await announce({ json: { url: server.url }, text: `listening on ${server.url}` })
    const signal = await stopped
    try {
      await say(`stopping after ${signal}`)
    } finally {
      await server.stop()
    }
    return undefined
  },
})

async function readTls(cert: string | undefined, key: string | undefined): Promise<TlsFiles | undefined> {
  if (cert === undefined && key === undefined) return undefined
  if (cert === undefined || key === undefined) {
    throw new MailsealError('usage', 'TLS needs a certificate and a key', {
      hint: 'give both --tls-cert and --tls-key',
    })
  }
  return { cert: await readFileBounded(cert, LIMITS.tlsFile), key: await readSecretFile(key, LIMITS.tlsFile) }
}
