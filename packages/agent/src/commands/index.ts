import type { Command } from '@mailseal/common/program'
import { enroll } from './enroll.ts'
import { keyfileCopy } from './keyfile-copy.ts'
import { keyfileInfo } from './keyfile-info.ts'
import { keyfileUse } from './keyfile-use.ts'
import { report } from './report.ts'
import { sign } from './sign.ts'
import { status } from './status.ts'
import { sync } from './sync.ts'
import { verify } from './verify.ts'

/** Every command, in the order in which the help lists them. */
export const COMMANDS: readonly Command[] = [
  enroll,
  status,
  sign,
  verify,
  sync,
  report,
  keyfileInfo,
  keyfileCopy,
  keyfileUse,
]

/** What the first words of commands of two words stand for. */
export const GROUPS = { keyfile: 'Your key file: all your secret keys in one file, which your password opens.' }
