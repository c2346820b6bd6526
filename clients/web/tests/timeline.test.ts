import { beforeEach, describe, expect, test } from 'vitest'
import { shallowRef } from 'vue'
import type { Errand, HistoryPage, HistoryRange } from '@/sdk'
import { LogTimeline } from '@/stores/timeline'
import type { LogEvent, PendingMessage } from '@/stores/contracts'
import { ME, message, told } from './support/events'

/** A log of `head` events behind a timeline; answers are given when the test says so. */
class Server {
  head: number
  down = false
  asked: HistoryRange[] = []
  readonly errands = shallowRef<readonly Errand[]>([])
  readonly waiting = shallowRef<readonly PendingMessage[]>([])
  private readonly events = new Map<number, LogEvent>()

  constructor(head: number) {
    this.head = head
  }

  event(seq: number): LogEvent {
    const known = this.events.get(seq) ?? message('c', seq)
    this.events.set(seq, known)
    return known
  }

  history = (range: HistoryRange): Promise<HistoryPage> => {
    this.asked.push(range)
    if (this.down) return Promise.reject(new Error('down'))
    if ('after' in range) {
      const upto = Math.min(this.head, range.after + range.limit)
      return Promise.resolve({ events: this.range(range.after + 1, upto), complete: upto === this.head })
    }
    const last = Math.min(this.head, range.before - 1)
    const first = Math.max(1, last - range.limit + 1)
    return Promise.resolve({ events: this.range(first, last), complete: first === 1 })
  }

  timeline(): LogTimeline {
    return new LogTimeline('c', {
      history: this.history,
      pending: () => this.waiting.value,
      errands: () => this.errands.value,
      me: () => ME,
      position: () => this.head,
      readSeq: () => 3,
    })
  }

  private range(first: number, last: number): LogEvent[] {
    return Array.from({ length: Math.max(0, last - first + 1) }, (_, at) => this.event(first + at))
  }
}

function seqs(timeline: LogTimeline): number[] {
  return timeline.entries.flatMap((entry) => (entry.type === 'event' ? [entry.event.seq] : []))
}

function ascending(list: number[]): boolean {
  return list.every((seq, at) => at === 0 || seq === (list[at - 1] ?? 0) + 1)
}

let server: Server
let timeline: LogTimeline

beforeEach(async () => {
  server = new Server(120)
  timeline = server.timeline()
  await timeline.jumpToEnd()
})

describe('the end', () => {
  test('opens at the newest page', () => {
    expect([seqs(timeline)[0], seqs(timeline).at(-1)]).toEqual([71, 120])
    expect([timeline.ready, timeline.atStart, timeline.atEnd]).toEqual([true, false, true])
    expect(timeline.unreadAfter).toBe(3)
  })

  test('without a line it is not ready, and opens when the line is back', async () => {
    server.down = true
    const late = server.timeline()
    await late.jumpToEnd()
    expect([late.ready, late.failed]).toEqual([false, true])
    server.down = false
    late.reconnected()
    await expect.poll(() => seqs(late).at(-1)).toBe(120)
  })

  test('what was read is known when the conversation is', async () => {
    let readSeq: number | null = null
    const early = new LogTimeline('c', {
      history: server.history,
      pending: () => [],
      errands: () => [],
      me: () => ME,
      position: () => 120,
      readSeq: () => readSeq,
    })
    expect(early.unreadAfter).toBeGreaterThan(1e9)
    readSeq = 100
    await early.jumpToEnd()
    readSeq = 120
    expect(early.unreadAfter).toBe(100)
  })

  test('an empty log is ready, with nothing older', async () => {
    const empty = new Server(0).timeline()
    await empty.jumpToEnd()
    expect([empty.ready, empty.atStart, empty.entries.length]).toEqual([true, true, 0])
  })

  test('live events are added once', () => {
    const fresh = [server.event(121), server.event(122)]
    server.head = 122
    timeline.told(told({ events: fresh }))
    timeline.told(told({ events: fresh }))
    expect(seqs(timeline).slice(-3)).toEqual([120, 121, 122])
  })

  test('a gap is closed by loading the end again', async () => {
    server.head = 130
    timeline.told(told({ events: [server.event(130)] }))
    await expect.poll(() => seqs(timeline).at(-1)).toBe(130)
    expect(ascending(seqs(timeline))).toBe(true)
  })

  test('what comes while the end is being loaded is not lost', async () => {
    const slow = server.timeline()
    const opening = slow.jumpToEnd()
    server.head = 121
    slow.told(told({ events: [server.event(121)] }))
    await opening
    expect(seqs(slow).at(-1)).toBe(121)
  })

  test('a log that begins anew is loaded anew', async () => {
    server.head = 400
    timeline.told(told({ emptied: ['c'] }))
    await expect.poll(() => seqs(timeline).at(-1)).toBe(400)
    expect(ascending(seqs(timeline))).toBe(true)
  })
})

describe('paging', () => {
  test('reaches the start', async () => {
    while (!timeline.atStart) await timeline.loadOlder()
    expect(seqs(timeline)).toEqual(Array.from({ length: 120 }, (_, at) => at + 1))
    const asked = server.asked.length
    await timeline.loadOlder()
    expect(server.asked.length).toBe(asked)
  })

  test('holds a bounded part of a long log, in one piece, both ways', async () => {
    server = new Server(10_000)
    timeline = server.timeline()
    await timeline.jumpToEnd()
    for (let page = 0; page < 60; page += 1) await timeline.loadOlder()
    expect(timeline.entries.length).toBe(2000)
    expect(timeline.atEnd).toBe(false)
    expect(ascending(seqs(timeline))).toBe(true)
    timeline.told(told({ events: [server.event(10_001)] }))
    expect(seqs(timeline)).not.toContain(10_001)
    server.head = 10_001
    while (!timeline.atEnd) await timeline.loadNewer()
    expect([seqs(timeline).length, seqs(timeline).at(-1)]).toEqual([2000, 10_001])
    expect(ascending(seqs(timeline))).toBe(true)
    expect(timeline.atStart).toBe(false)
  })

  test('jumps to the surroundings of a seq, and back to the end', async () => {
    server = new Server(10_000)
    timeline = server.timeline()
    await timeline.jumpToEnd()
    await timeline.jumpTo(5000)
    expect(timeline.find(5000)).toBeDefined()
    expect(timeline.atEnd).toBe(false)
    await timeline.loadOlder()
    await timeline.loadNewer()
    expect(ascending(seqs(timeline))).toBe(true)
    await timeline.jumpToEnd()
    expect(seqs(timeline).at(-1)).toBe(10_000)
  })

  test('a load that fails says so, and can be repeated', async () => {
    server.down = true
    await timeline.loadOlder()
    expect([timeline.failed, timeline.loading]).toEqual([true, null])
    server.down = false
    await timeline.loadOlder()
    expect([timeline.failed, seqs(timeline)[0]]).toEqual([false, 21])
  })
})

describe('own messages', () => {
  const pending: PendingMessage = {
    id: 'mine-1',
    conversation: 'c',
    text: 'hello',
    reply_to: null,
    thread: null,
    attachments: [],
    time: '2026-01-06T00:00:00Z',
    status: 'sending',
    code: '',
  }

  test('wait at the end and keep their key when they become events', () => {
    server.waiting.value = [pending]
    expect(timeline.entries.at(-1)).toEqual({ key: 'mine-1', type: 'pending', pending })
    const event = message('c', 121, { mine: true, client_msg_id: 'mine-1', text: 'hello' })
    timeline.told(told({ events: [event] }))
    expect(timeline.entries.at(-1)).toEqual({ key: 'mine-1', type: 'event', event })
    expect(timeline.entries.filter((entry) => entry.key === 'mine-1').length).toBe(1)
  })

  test("others' ids cannot take the place of one's own", () => {
    server.waiting.value = [pending]
    timeline.told(told({ events: [message('c', 121, { client_msg_id: 'mine-1' })] }))
    expect(timeline.entries.map((entry) => entry.key).slice(-2)).toEqual(['121', 'mine-1'])
  })
})

describe('what becomes of messages', () => {
  const change = { conversation: 'c', number: 120, time: '2026-01-05T10:00:00Z', target: 119 }

  function shown(seq: number): LogEvent | undefined {
    return timeline.find(seq)
  }

  test('shows in their rows, and has none of its own', () => {
    const rows = timeline.entries.length
    const edited = { ...change, event: 'message_edited' as const, seq: 121, sender: ME, mine: true, version: 2, text: 'better', mentions: [], mention_all: false }
    const reacted = { ...change, event: 'reaction_added' as const, seq: 122, sender: 'bob', mine: false, emoji: '👍' }
    timeline.told(told({ events: [edited, reacted] }))
    expect(timeline.entries.length).toBe(rows)
    expect(shown(119)).toMatchObject({ text: 'better', version: 2, reactions: [{ emoji: '👍', count: 1 }] })
  })

  test('is applied once, whether it was in the page or not', () => {
    const reacted = { ...change, event: 'reaction_added' as const, seq: 121, sender: 'bob', mine: false, emoji: '👍' }
    timeline.told(told({ events: [reacted] }))
    timeline.told(told({ events: [reacted] }))
    expect(shown(119)).toMatchObject({ reactions: [{ count: 1 }] })
    const now = message('c', 118, { text: 'as the server has it', as_of: 130 })
    timeline.told(told({ amended: [now] }))
    timeline.told(told({ events: [{ ...reacted, seq: 122, target: 118 }] }))
    expect(shown(118)).toMatchObject({ text: 'as the server has it', reactions: [] })
  })

  test('is shown before it is done, and taken back when it is refused', () => {
    const row = () => timeline.entries.find((one) => one.type === 'event' && one.event.seq === 119)
    server.errands.value = [
      { id: 'e1', conversation: 'c', seq: 119, deed: { do: 'react', emoji: '🎉' }, order: 1 },
      { id: 'e2', conversation: 'c', seq: 119, deed: { do: 'edit', text: 'soon', version: 1 }, order: 2 },
    ]
    expect(row()).toMatchObject({ event: { text: 'soon', reactions: [{ emoji: '🎉', mine: true, users: [ME] }] } })
    server.errands.value = []
    expect(row()).toMatchObject({ event: { text: 'm119', reactions: [] } })
  })
})
