// The rows of a history: what stands between the entries, and which entries belong together. Pure.
import type { Entry } from '@/stores'

const TOGETHER_MS = 5 * 60_000

export type Row =
  | { key: string; type: 'day'; time: string }
  | { key: string; type: 'new' }
  | { key: string; type: 'notice'; entry: Entry & { type: 'event' } }
  | { key: string; type: 'message'; entry: Entry; first: boolean; last: boolean }

interface Facts {
  sender: string
  time: string
  message: boolean
}

function facts(entry: Entry, me: string): Facts {
  if (entry.type === 'pending') return { sender: me, time: entry.pending.time, message: true }
  const { event } = entry
  return { sender: event.sender, time: event.time, message: event.event === 'message' }
}

function day(time: string): string {
  const at = new Date(time)
  return `${String(at.getFullYear())}-${String(at.getMonth() + 1)}-${String(at.getDate())}`
}

function together(a: Facts | undefined, b: Facts | undefined): boolean {
  if (!a?.message || !b?.message || a.sender !== b.sender) return false
  return Date.parse(b.time) - Date.parse(a.time) < TOGETHER_MS && day(a.time) === day(b.time)
}

/** Rows of `entries[from..to)`. `unreadAfter`: the line goes before the first message of others
 * after this seq; 0 for no line. */
export function rowsOf(
  entries: readonly Entry[], from: number, to: number, me: string, unreadAfter: number,
): Row[] {
  const rows: Row[] = []
  const line = unreadAfter > 0 ? firstUnread(entries, unreadAfter) : -1
  let before = from > 0 ? factsAt(entries, from - 1, me) : undefined
  for (let i = from; i < to; i++) {
    const entry = entries[i]
    if (entry === undefined) break
    const own = facts(entry, me)
    if (before === undefined || day(before.time) !== day(own.time)) {
      rows.push({ key: `day-${day(own.time)}`, type: 'day', time: own.time })
    }
    if (i === line) rows.push({ key: 'new', type: 'new' })
    if (entry.type === 'event' && !own.message) {
      rows.push({ key: entry.key, type: 'notice', entry })
    } else {
      const after = factsAt(entries, i + 1, me)
      rows.push({
        key: entry.key,
        type: 'message',
        entry,
        first: i === line || !together(before, own),
        last: i + 1 === line || !together(own, after),
      })
    }
    before = own
  }
  return rows
}

function factsAt(entries: readonly Entry[], index: number, me: string): Facts | undefined {
  const entry = entries[index]
  return entry === undefined ? undefined : facts(entry, me)
}

/** Index of the first message of somebody else after `seq`; -1 if there is none. */
export function firstUnread(entries: readonly Entry[], seq: number): number {
  return entries.findIndex(
    (entry) =>
      entry.type === 'event' &&
      entry.event.event === 'message' &&
      entry.event.seq > seq &&
      !entry.event.mine,
  )
}
