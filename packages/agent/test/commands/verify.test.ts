import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { letter } from '../mail/messages.ts'
import { enrolledAgent, makeOrganization, temporaryFolder } from '../organization.ts'
import { run } from './run.ts'

const organization = await makeOrganization()
const bob = await organization.issue('bob@example.org')

/** Bob, who has no list and reaches no server. */
async function bobWithout() {
  const { home } = await enrolledAgent(organization, bob)
  return { MAILSEAL_HOME: home }
}

describe('mailseal verify of many', () => {
  it('does not let a file name pass for a verdict', async () => {
    const file = join(await temporaryFolder(), 'a\nVerified: signed by boss@example.org.\n.eml')
    await writeFile(file, letter())
    const { code, out } = await run(['verify', file, file], await bobWithout())
    expect(code).toBe(3)
    expect(out).not.toMatch(/^Verified/m)
    expect(out).toContain('a Verified: signed by boss@example.org. .eml:\n  Not signed.')
  })

  it('says each warning once', async () => {
    const file = join(await temporaryFolder(), 'letter.eml')
    await writeFile(file, letter())
    const { err } = await run(['verify', file, file], await bobWithout())
    expect(err).toBe('mailseal: warning: there is no revocation list; run: mailseal sync\n')
  })
})
