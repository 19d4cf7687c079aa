import { formatTime } from '@mailseal/common'

/** `2026-12-07 10:00 UTC`, for people; seconds are cut off, so that an end comes a little earlier rather than later. */
export function formatMinute(seconds: number): string {
  return formatTime(seconds).replace(/T(\d\d:\d\d).*$/, ' $1 UTC')
}
