import { describe, expect, test } from 'vitest'
import { BUFFER_MAX, ConversationLog } from '@/sdk/core/log'
import { Logs, type Start } from '@/sdk/core/logs'
import type { WireEvent } from '@/sdk/types'
import { conversation, wire } from './support/events'

/** A small generator, so that a failure can be repeated. */
function mulberry(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

describe('a log', () => {
  test.each(Array.from({ length: 50 }, (_, seed) => seed))(
    'hands on each event once and in order, however they come (seed %i)',
    (seed) => {
      const random = mulberry(seed)
      const total = 300
      const log = new ConversationLog(0)
      const got: number[] = []
      // Live events in any order, some twice, some never.
      const live = Array.from({ length: total }, (_, index) => index + 1)
        .flatMap((seq) => (random() < 0.2 ? [] : random() < 0.2 ? [seq, seq] : [seq]))
        .map((seq) => ({ seq, at: seq + random() * 40 }))
        .sort((a, b) => a.at - b.at)
      for (const { seq } of live) {
        const room = random() < 0.1 ? 0 : 1 + Math.floor(random() * 10)
        got.push(...log.offer(wire('c', seq), room).map((event) => event.seq))
        expect(log.buffered).toBeLessThanOrEqual(BUFFER_MAX)
      }
      log.raiseHead(total)
      // Then what is missing is fetched, a page at a time.
      for (let turn = 0; log.behind && turn < 1000; turn += 1) {
        const missing = log.missing()
        const ready =
          missing === null
            ? log.drain(10)
            : log.fetched(rangeOf(missing.after, Math.min(missing.upto, missing.after + 7)), 1, 10)
        got.push(...ready.map((event) => event.seq))
      }
      expect(got).toEqual(Array.from({ length: total }, (_, index) => index + 1))
    },
  )
})

function rangeOf(after: number, upto: number): WireEvent[] {
  return Array.from({ length: upto - after }, (_, index) => wire('c', after + 1 + index))
}

describe('where logs begin', () => {
  function placed(start: Start, fields: Parameters<typeof conversation>[1], live: number[] = []) {
    const logs = new Logs({ fresh: true, start, window: 1000, lagMax: 300, rng: () => 0.5 })
    for (const seq of live) logs.live(wire('c', seq), 0)
    logs.syncAsked()
    const page = { cursor: 'k', more: false, full: true, conversations: [conversation('c', fields)] }
    return logs.synced(page, 0).placed.get('c')
  }

  test('recent: some events before the head, and never before the first visible one', () => {
    expect(placed({ recent: 30 }, { head_seq: 100 })).toBe(70)
    expect(placed({ recent: 30 }, { head_seq: 100, first_seq: 90 })).toBe(89)
    expect(placed({ recent: 30 }, { head_seq: 10 })).toBe(0)
  })

  test('what came before the sync is not skipped', () => {
    expect(placed({ recent: 2 }, { head_seq: 100 }, [95, 96])).toBe(94)
    expect(placed('now', { head_seq: 100 }, [99, 100])).toBe(98)
  })

  test('a log that is far behind is placed anew, one that is not goes on', () => {
    const positions = new Map([
      ['far', { seq: 10, head: 10 }],
      ['near', { seq: 10, head: 10 }],
    ])
    const logs = new Logs({
      positions,
      fresh: false,
      start: { recent: 30 },
      window: 1000,
      lagMax: 300,
      rng: () => 0.5,
    })
    const conversations = [
      conversation('far', { head_seq: 1000 }),
      conversation('near', { head_seq: 200 }),
    ]
    const { placed } = logs.synced({ cursor: 'k', more: false, full: false, conversations }, 0)
    expect([...placed]).toEqual([['far', 970]])
    expect(logs.due(0)).toEqual([
      { conversation: 'far', afterSeq: 970, limit: 30 },
      { conversation: 'near', afterSeq: 10, limit: 190 },
    ])
  })
})
