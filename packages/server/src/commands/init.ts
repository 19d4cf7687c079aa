import { systemRandom } from '@mailseal/common'
import { defineCommand, type Frame, option, readPasswordFile } from '@mailseal/common/program'
import { assertUninitialized, type Initialized, initialize } from '../initialize.ts'
import { assertStrongPassword } from '../password-strength.ts'
import { prepareStartupSecret } from '../start-up/index.ts'
import { dataFolderOf, dataOption, startupSecretFileOption } from './options.ts'

/** Makes the organization's keys and the first administrator. */
export const init = defineCommand({
  name: 'init',
  summary: 'Makes an organization: its keys, its database, its first administrator.',
  description:
    "The administrator's password guards the organization's root and archive; there is no other way in, so choose five " +
    'words and keep them. The start-up secret unlocks the CA each time the KM server starts: without ' +
    '--startup-secret-file it is taken from the systemd credential mailseal-startup-secret, or made in the data folder, ' +
    'from where you should move it to another disk or into systemd. The root fingerprint is what users compare when they ' +
    'enroll: publish it where nobody can change it.',
  arguments: {},
  options: {
    organization: option.text('--organization NAME', 'name of the organization, as users see it', { required: true }),
    domain: option.list('--domain DOMAIN', 'a mail domain of the organization; the first names it in certificates', {
      required: true,
    }),
    administrator: option.text('--administrator NAME', 'name of the first administrator', { required: true }),
    administratorAddress: option.text('--administrator-address ADDRESS', 'where notices for the administrator go'),
    passwordFile: option.text('--password-file FILE', "file with the administrator's password"),
    data: dataOption,
    startupSecretFile: startupSecretFileOption,
  },
  examples: [
    {
      command: 'mailseal-server init --organization "Example Ltd" --domain example.org --administrator alice',
      description: 'asks for the password',
    },
    {
      command:
        'mailseal-server init --organization "Example Ltd" --domain example.org --domain example.com --administrator alice --data /var/lib/mailseal',
      description: 'two domains, and a data folder of your own',
    },
    {
      command:
        'mailseal-server init --organization "Example Ltd" --domain example.org --administrator alice --password-file password.txt --startup-secret-file /media/key/startup-secret --json',
      description: 'for scripts, with the start-up secret on another disk',
    },
  ],
  exitCodes: {
    41: 'bad data: a name that is none, or a database that is none',
    67: 'no password could be had',
    108: 'the password is too weak',
  },
  async run(context) {
    const { options, io, say } = context
    const { organization, domain: domains, administrator: name, startupSecretFile } = options
    const dataFolder = dataFolderOf(options.data, io)
    await assertUninitialized(dataFolder)
    const password = await passwordFrom(context, options.passwordFile, [organization, ...domains, name])
    await say('making the keys of the organization')
    let file: string | null = null
    const initialized = await initialize({
      dataFolder,
      organization,
      domains,
      administrator: { name, address: options.administratorAddress, password },
      async startupSecret() {
        const prepared = await prepareStartupSecret({ file: startupSecretFile, dataFolder, env: io.env }, systemRandom)
        file = prepared.file
        return prepared.secret
      },
    })
    const places: Places = { dataFolder, startupSecretFile: file }
    return { json: { ...initialized, ...places }, text: textOf(initialized, places) }
  },
})

interface Places {
  readonly dataFolder: string
  /** null if systemd holds it. */
  readonly startupSecretFile: string | null
}

function passwordFrom({ ask, io }: Frame, file: string | undefined, names: readonly string[]): Promise<string> {
  if (file !== undefined) return readPasswordFile(io, file)
  return ask.newPassword({
    message: 'Password of the administrator',
    instead: 'give it with --password-file FILE',
    check: (password) => assertStrongPassword(password, 'the password', names),
  })
}

function textOf({ organization, rootFingerprint }: Initialized, { dataFolder, startupSecretFile }: Places): string {
  const lines = [
    `The KM server of ${organization} is initialized.`,
    `  root fingerprint  ${rootFingerprint}`,
    `  data folder       ${dataFolder}`,
  ]
  if (startupSecretFile !== null) {
    lines.push(
      `  start-up secret   ${startupSecretFile}`,
      'Whoever has the data folder and the start-up secret has the CA: keep the secret elsewhere, and never in the same backup.',
    )
  }
  return [...lines, 'Next: mailseal-server start'].join('\n')
}
