/** Takes one line of the server's log. No secret, password or temporary key ever stands in one. */
export type Log = (line: string) => void
