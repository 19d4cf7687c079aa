import type { Command } from '@mailseal/common/program'
import { check } from './check.ts'
import { encrypt } from './encrypt.ts'
import { enroll } from './enroll.ts'
import { exportKeys } from './export.ts'
import { keyfileCopy } from './keyfile-copy.ts'
import { keyfileInfo } from './keyfile-info.ts'
import { keyfileUse } from './keyfile-use.ts'
import { open } from './open.ts'
import { renew } from './renew.ts'
import { report } from './report.ts'
import { revoke } from './revoke.ts'
import { sign } from './sign.ts'
import { status } from './status.ts'
import { sync } from './sync.ts'
import { verify } from './verify.ts'

/** Every command, in the order in which the help lists them. */
export const COMMANDS: readonly Command[] = [
  enroll,
  status,
  sign,
  encrypt,
  open,
  verify,
  check,
  sync,
  renew,
  revoke,
  report,
  keyfileInfo,
  keyfileCopy,
  keyfileUse,
  exportKeys,
]

/** What the first words of commands of two words stand for. */
export const GROUPS = { keyfile: 'Your key file: all your secret keys in one file, which your password opens.' }
