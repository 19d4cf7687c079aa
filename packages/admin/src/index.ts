export {
  type Admin,
  type AdminOptions,
  type Changed,
  type JournalPage,
  type MailboxChange,
  type MailboxChanged,
  type MailboxFilter,
  type Outcome,
  openAdmin,
  type Refusal,
  type Removed,
  type Revoked,
} from './admin.ts'
export {
  composeEnrollmentMessage,
  DEFAULT_TEMPLATE,
  type EnrollmentMessage,
  type EnrollmentTemplate,
  PLACEHOLDERS,
  parseTemplate,
} from './enrollment-message/index.ts'
export type { CredentialsProvider } from './task-caller.ts'
