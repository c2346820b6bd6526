import { describe, expect, test } from 'vitest'
import { firstUnread, lastSeq, rowsOf } from '@/components/rows'
import type { Entry, LogEvent } from '@/stores'
import { message as written } from '../support/events'

const ME = 'me'

function message(seq: number, sender: string, time: string): Entry {
  const event = written('c', seq, { sender, time, mine: sender === ME })
  return { key: String(seq), type: 'event', event }
}
function left(seq: number, time: string): Entry {
  const event: LogEvent = {
    event: 'member_left', conversation: 'c', seq, sender: 'x', time, number: 0, mine: false, user: 'x',
  }
  return { key: String(seq), type: 'event', event }
}
// Local noon: no test of days may hang on where it runs.
const at = (minute: number, day = 1): string => new Date(2026, 4, day, 12, minute).toISOString()
const outline = (entries: Entry[], newFrom = 0, from = 0, to = entries.length): string[] =>
  rowsOf(entries, from, to, ME, newFrom).map((row) => {
    if (row.type !== 'message') return row.type
    return `${row.key}${row.first ? ' first' : ''}${row.last ? ' last' : ''}`
  })

describe('rows', () => {
  test('messages of one person within five minutes belong together', () => {
    const entries = [message(1, 'a', at(0)), message(2, 'a', at(4)), message(3, 'a', at(9)), message(4, ME, at(9))]
    expect(outline(entries)).toEqual(['day', '1 first', '2 last', '3 first last', '4 first last'])
  })

  test('a day begins with its separator, a notice stands between', () => {
    const entries = [message(1, 'a', at(0)), left(2, at(1)), message(3, 'a', at(1)), message(4, 'a', at(1, 2))]
    expect(outline(entries)).toEqual(['day', '1 first last', 'notice', '3 first last', 'day', '4 first last'])
  })

  test('the line parts what would belong together', () => {
    const entries = [message(1, 'a', at(0)), message(2, 'a', at(1)), message(3, 'a', at(2))]
    expect(outline(entries, 2)).toEqual(['day', '1 first last', 'new', '2 first', '3 last'])
  })

  test('a window knows what is around it', () => {
    const entries = [message(1, 'a', at(0)), message(2, 'a', at(1)), message(3, 'a', at(2))]
    expect(outline(entries, 0, 1, 2)).toEqual(['2'])
  })

  test('a message that waits is one\'s own', () => {
    const pending: Entry = {
      key: 'p', type: 'pending',
      pending: { id: 'p', conversation: 'c', text: 'x', reply_to: null, thread: null, attachments: [], time: at(1), status: 'queued', code: '' },
    }
    const entries = [message(1, ME, at(0)), pending]
    expect(outline(entries)).toEqual(['day', '1 first', 'p last'])
    expect(lastSeq(entries)).toBe(1)
  })

  test('the first unread message is of somebody else', () => {
    const entries = [message(1, 'a', at(0)), message(2, ME, at(1)), left(3, at(1)), message(4, 'a', at(2))]
    expect(firstUnread(entries, 1)).toBe(4)
    expect(firstUnread(entries, 4)).toBe(0)
  })
})
