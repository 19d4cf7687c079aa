import type { EnrollmentTemplate } from './template.ts'

/** What an organization that wrote no text of its own sends. Every command in it is one of the agent's. */
export const DEFAULT_TEMPLATE: EnrollmentTemplate = {
  subject: '{{organization}}: enroll in advanced security',
  text: `Hello {{name}},

{{organization}} has enabled advanced security for your mailbox
{{address}}. Once you are enrolled, you can sign
your mail, and send and read encrypted mail.

This is your temporary key:

    {{temporaryKey}}

It is good for one enrollment, until {{expires}}.

What to do, on the computer on which you use your mail:

1. Save this whole message as a file, with its attachment, for example
   as welcome.eml. (Mail programs call this "Save as" or "Download
   message".)

2. Open a terminal in the folder of that file, and type:

       mailseal enroll welcome.eml

3. Type the temporary key when you are asked for it, and choose the
   password of your key file. Nobody else ever learns this password.

If the file gets lost, this does the same:

       mailseal enroll --address {{address}} --server {{server}}

When you are enrolled, "mailseal status" shows your certificate, and
this message can be deleted.

The temporary key is for you alone: nobody will ever ask you for it, and
whoever learns it before you use it could enroll in your place. If you
did not expect this message, or if your temporary key is refused or has
expired, ask the administrator of your mailbox at
{{organization}}.
`,
}
