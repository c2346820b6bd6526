import { describe, expect, test } from 'vitest'
import { afterEvent, afterSync, placedAt, readUpTo, unreadOf, type Record } from '@/sdk/records'
import type { LogEvent } from '@/sdk/types'
import { BOB, ME, conversation, message } from './support/events'

function after(record: Record, ...events: LogEvent[]): Record | null {
  return events.reduce<Record | null>(
    (known, event) => known && afterEvent(known, event, ME),
    record,
  )
}

const logged = { conversation: 'c', sender: BOB, time: '2026-01-05T00:00:00Z', number: 4, mine: false }
const start = placedAt(
  afterSync(undefined, conversation('c', { head_seq: 4, number: 4, read_seq: 3, unread: 1 })),
  4,
)

describe('unread', () => {
  test('counts others, and own messages read everything before them', () => {
    expect(unreadOf(start)).toBe(1)
    const more = after(start, message('c', 5), message('c', 6))
    expect(more && unreadOf(more)).toBe(3)
    const own = more && after(more, message('c', 7, { mine: true, sender: ME }))
    expect(own && unreadOf(own)).toBe(0)
    expect(own?.readSeq).toBe(7)
  })

  test('events that are no messages do not count', () => {
    const renamed = after(start, { event: 'conversation_renamed', ...logged, seq: 5, name: 'new' })
    expect(renamed && unreadOf(renamed)).toBe(1)
    expect(renamed?.conversation.name).toBe('new')
  })

  test('marks never go back, and a sync does not undo what the server has not heard of', () => {
    const read = readUpTo(start, 4, 4)
    expect(unreadOf(read)).toBe(0)
    expect(readUpTo(read, 2, 2)).toBe(read)
    const told = conversation('c', { head_seq: 5, number: 5, read_seq: 3, unread: 2 })
    expect(unreadOf(afterSync(read, told))).toBe(1)
    const heard = conversation('c', { head_seq: 5, number: 5, read_seq: 5, unread: 0 })
    expect(unreadOf(afterSync(read, heard))).toBe(0)
  })
})

describe('membership', () => {
  test('ends with the event that says so', () => {
    const gone = { event: 'member_removed' as const, ...logged, seq: 5, user: ME }
    expect(after(start, gone)).toBeNull()
    expect(after(start, { ...gone, user: BOB })?.conversation.member_count).toBe(1)
  })

  test('roles follow the log', () => {
    const change = { event: 'role_changed' as const, ...logged, seq: 5, user: ME, role: 'owner' }
    expect(after(start, change)?.conversation.role).toBe('owner')
    expect(after(start, { ...change, role: 'emperor' })?.conversation.role).toBe('member')
    expect(after(start, { ...change, user: BOB })?.conversation.role).toBe('member')
  })
})

test('kinds that are not known move the log on and are no preview', () => {
  const shown = after(start, message('c', 5))
  const other = { event: 'other' as const, ...logged, seq: 6, number: 5, kind: 'poll', body: {} }
  const next = shown && after(shown, other)
  expect([next?.position, next?.last?.seq]).toEqual([6, 5])
})
