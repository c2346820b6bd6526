// Until when a status is shown.
import type { Key } from '@/locales'

export type StatusEnd = 'kept' | 'never' | '30m' | '1h' | '4h' | 'today' | 'week'

const MINUTE_MS = 60_000
const SPANS: Partial<Record<StatusEnd, number>> = {
  '30m': 30 * MINUTE_MS, '1h': 60 * MINUTE_MS, '4h': 240 * MINUTE_MS, week: 7 * 24 * 60 * MINUTE_MS,
}

export const STATUS_ENDS: readonly { value: Exclude<StatusEnd, 'kept'>; text: Key }[] = [
  { value: 'never', text: 'status_end_never' },
  { value: '30m', text: 'status_end_30m' },
  { value: '1h', text: 'status_end_1h' },
  { value: '4h', text: 'status_end_4h' },
  { value: 'today', text: 'status_end_today' },
  { value: 'week', text: 'status_end_week' },
]

/** RFC 3339, or null for no end; `today` ends with the day of the person's clock. */
export function endOf(choice: StatusEnd, known: string | null, now = new Date()): string | null {
  if (choice === 'kept') return known
  if (choice === 'never') return null
  if (choice === 'today') return new Date(now.getFullYear(), now.getMonth(), now.getDate() + 1).toISOString()
  return new Date(now.getTime() + (SPANS[choice] ?? 0)).toISOString()
}
