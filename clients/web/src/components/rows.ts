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

/** Rows of `entries[from..to)`. The "new messages" line goes before the event `newFrom`; 0: none. */
export function rowsOf(
  entries: readonly Entry[], from: number, to: number, me: string, newFrom: number,
): Row[] {
  const rows: Row[] = []
  const line = newFrom > 0 ? indexOfSeq(entries, newFrom) : -1
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

/** The seq of the first message of somebody else after `seq`; 0 if there is none. */
export function firstUnread(entries: readonly Entry[], seq: number): number {
  for (const entry of entries) {
    if (entry.type !== 'event') continue
    const { event } = entry
    if (event.event === 'message' && event.seq > seq && !event.mine) return event.seq
  }
  return 0
}

export function indexOfSeq(entries: readonly Entry[], seq: number): number {
  return entries.findIndex((entry) => entry.type === 'event' && entry.event.seq === seq)
}

/** The first entry at or after a seq; -1 if there is none. */
export function indexFrom(entries: readonly Entry[], seq: number): number {
  return entries.findIndex((entry) => entry.type === 'event' && entry.event.seq >= seq)
}

export function indexOfKey(entries: readonly Entry[], key: string): number {
  return entries.findIndex((entry) => entry.key === key)
}

/** Seq of the newest event; 0 if there is none. */
export function lastSeq(entries: readonly Entry[]): number {
  for (let i = entries.length - 1; i >= 0; i--) {
    const entry = entries[i]
    if (entry?.type === 'event') return entry.event.seq
  }
  return 0
}

/** How many messages of others came after `seq`. */
export function unseenIn(entries: readonly Entry[], seq: number): number {
  let count = 0
  for (let i = entries.length - 1; i >= 0; i--) {
    const entry = entries[i]
    if (entry?.type !== 'event') continue
    if (entry.event.seq <= seq) break
    if (entry.event.event === 'message' && !entry.event.mine) count += 1
  }
  return count
}
