/** The time, passed in so that tests can freeze it. */
export interface Clock {
  /** Unix seconds, UTC, whole. */
  now(): number
}

export const systemClock: Clock = { now: () => Math.floor(Date.now() / 1000) }

/** Secure random bytes, passed in so that test vectors can fix them. */
export type Random = (length: number) => Uint8Array<ArrayBuffer>

export const systemRandom: Random = (length) => crypto.getRandomValues(new Uint8Array(length))

/** RFC 3339, UTC, whole seconds: how times stand in JSON. */
export function formatTime(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace('.000Z', 'Z')
}

/** `2026-12-07 10:00 UTC`, for people; seconds are cut off, so that an end comes a little earlier rather than later. */
export function formatMinute(seconds: number): string {
  return formatTime(seconds).replace(/T(\d\d:\d\d).*$/, ' $1 UTC')
}

/** `1 second`, `3 minutes`, `47 hours`, `5 days`: a span of seconds for people, rounded down, in units of which it has two. */
export function formatSpan(seconds: number): string {
  if (seconds < 120) return seconds === 1 ? '1 second' : `${seconds} seconds`
  if (seconds < 7200) return `${Math.floor(seconds / 60)} minutes`
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)} hours`
  return `${Math.floor(seconds / 86_400)} days`
}

/** `YYYY-MM-DD`, UTC. */
export function formatDate(seconds: number): string {
  return formatTime(seconds).slice(0, 10)
}

/**
 * The same day and time so many calendar months later, in UTC; a day that the month lacks becomes its last
 * (31 August + 18 months = 28 or 29 February).
 */
export function addMonths(seconds: number, months: number): number {
  const date = new Date(seconds * 1000)
  const day = date.getUTCDate()
  date.setUTCDate(1)
  date.setUTCMonth(date.getUTCMonth() + months)
  const lastDay = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate()
  date.setUTCDate(Math.min(day, lastDay))
  return date.getTime() / 1000
}
