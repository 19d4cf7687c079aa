import type { IssuedKey } from '@mailseal/common/rpc'
import type { EnrollmentTemplate } from './template.ts'

const AGAIN = `You were enrolled before. This enrollment gives you a new key in place of
the last one. If you still have your old key file, leave it where it is,
also if its password is lost: nothing is deleted.

`

const STAYS_READABLE = `Your old mail stays readable: the keys that open it come back with the
new one.

`

/** Every command in it is one of the agent's. */
const textWith = (again: string) => `Hello {{name}},

{{organization}} has enabled advanced security for your mailbox
{{address}}. Once you are enrolled, you can sign and
encrypt your mail, open what is encrypted to you, and check who signed
the mail that you get.

${again}This is your temporary key. If its place is empty, your administrator
gives it to you in another way.

    {{temporaryKey}}

It is good for one enrollment, until {{expires}}.

What to do, on the computer on which you use your mail:

1. Save this whole message as a file, with its attachment, for example
   as welcome.eml. (Mail programs call this "Save as" or "Download
   message".)

2. Open a terminal in the folder of that file, and type:

       mailseal enroll welcome.eml

   The temporary key is read from the file. Only if none stands in this
   message, you are asked for the one that you were given.

3. Choose the password of your key file when you are asked for it.
   Nobody else ever learns this password.

Without the file, this does the same, and asks for the temporary key:

       mailseal enroll --address {{address}} --server {{server}}

When you are enrolled, "mailseal status" shows your certificate, and
this message can be deleted.

The temporary key is for you alone: nobody will ever ask you for it, and
whoever learns it before you use it could enroll in your place. If you
did not expect this message, or if your temporary key is refused or has
expired, ask the administrator of your mailbox at
{{organization}}.
`

/** What an organization that wrote no text of its own sends. */
export const DEFAULT_TEMPLATE: EnrollmentTemplate = {
  subject: '{{organization}}: enroll in advanced security',
  text: textWith(''),
}

/** The same; who enrolls again reads what becomes of the keys of before. */
export function defaultTemplateFor({ history }: Pick<IssuedKey, 'history'>): EnrollmentTemplate {
  if (history === null) return DEFAULT_TEMPLATE
  const comesBackWhole = history.keys > 0 && history.damaged.length === 0
  return { ...DEFAULT_TEMPLATE, text: textWith(comesBackWhole ? AGAIN + STAYS_READABLE : AGAIN) }
}
