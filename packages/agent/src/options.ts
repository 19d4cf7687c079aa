/**
 * Refuses an option that nobody knows, which is a typing error in the caller's program.
 *
 * @throws TypeError that names it.
 */
export function assertKnownOptions(options: object, known: readonly string[], label: string): void {
  const unknown = Object.keys(options).find((name) => !known.includes(name))
  if (unknown !== undefined) throw new TypeError(`${label} has no option "${unknown}"`)
}
