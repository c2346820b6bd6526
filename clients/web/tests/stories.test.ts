// Runs the recorded sequences of tests/frames against the session (format: its README).
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { Effect } from '@/sdk/core/effects'
import { decode, wireEvent } from '@/sdk/core/frames'
import type { Position } from '@/sdk/core/logs'
import { Session } from '@/sdk/core/session'
import { ProtocolError, SessionRevoked } from '@/sdk/errors'
import type { Conversation, EventPage, SyncPage, WireEvent } from '@/sdk/types'

const FOLDER = new URL('../../../tests/frames/', import.meta.url)
const FILES = readdirSync(FOLDER).filter((name) => name.endsWith('.json')).sort()

interface Step {
  at: number
  effects: Record<string, unknown>[]
  [input: string]: unknown
}
interface Story {
  title: string
  cursor?: string | null
  positions?: Record<string, [number, number]>
  start?: 'now' | 'beginning'
  window?: number
  random?: number
  steps: Step[]
}

function sessionOf(story: Story): Session {
  const positions = Object.entries(story.positions ?? {}).map(
    ([name, [seq, head]]): [string, Position] => [name, { seq, head }],
  )
  return new Session({
    cursor: story.cursor ?? null,
    positions: new Map(positions),
    start: story.start ?? 'now',
    window: story.window ?? 1000,
    rng: () => story.random ?? 0.5,
  })
}

function pageOf(raw: Record<string, unknown>): EventPage {
  const events = (raw['events'] as Record<string, unknown>[]).map(wireEvent)
  return { head_seq: 0, first_seq: 1, ...raw, events: events as WireEvent[] } as EventPage
}

function syncOf(raw: Record<string, unknown>): SyncPage {
  const defaults = { state: 'member', first_seq: 1, head_seq: 0, read_seq: 0, unread: 0 }
  const conversations = (raw['conversations'] ?? []) as Conversation[]
  return {
    more: false,
    full: false,
    ...raw,
    conversations: conversations.map((one) => ({ ...defaults, ...one })),
  } as SyncPage
}

/** Perform a step's input. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
function give(session: Session, step: any): Effect[] {
  const now: number = step.at
  if ('open' in step) return session.opened(step.open, now)
  if ('frame' in step) return session.received(decode(JSON.stringify(step.frame)), now)
  if ('closed' in step) return session.closed(step.closed, now)
  if ('token' in step) return session.token(step.token)
  if ('sync' in step) {
    if (step.sync === null) return session.syncFailed(now)
    if (step.sync === 'invalid') return session.syncFailed(now, true)
    return session.synced(syncOf(step.sync), now)
  }
  if ('events' in step) {
    const { conversation, page } = step.events
    if (page === null || page === 'gone') {
      return session.fetchFailed(conversation, now, page === 'gone')
    }
    return session.fetched(conversation, pageOf(page), now)
  }
  if ('taken' in step) return session.taken(step.taken, now)
  if ('send' in step) {
    const { id, conversation, text } = step.send
    return session.send(id, conversation, { text }, now)
  }
  if ('cancel' in step) return session.cancelSend(step.cancel, now)[1]
  if ('read' in step) return session.read(step.read.conversation, step.read.seq, now)
  if ('typing' in step) return session.typing(step.typing.conversation, step.typing.active, now)
  if ('watch' in step) return session.watch(step.watch, now)
  if ('tick' in step) return session.tick(now)
  throw new Error(`no known input in ${JSON.stringify(step)}`)
}

/** An effect in the form of the files. */
function shown(effect: Effect): Record<string, unknown> {
  switch (effect.do) {
    case 'write':
      return { write: JSON.parse(JSON.stringify(effect.frame)) }
    case 'emit':
      return { emit: effect.event }
    case 'fetch': {
      const { conversation, afterSeq, limit } = effect.fetch
      return { fetch: { conversation, after_seq: afterSeq, limit } }
    }
    case 'sync':
      return { sync: effect.cursor }
    case 'new_token':
      return { new_token: true }
    case 'drop':
      return { drop: true }
    case 'wait':
      return { wait: { delay_s: effect.delayS, new_token: effect.newToken } }
    case 'stop':
      if (effect.error instanceof SessionRevoked) return { stop: 'session_revoked' }
      return { stop: effect.error instanceof ProtocolError ? 'protocol' : 'signed_out' }
    case 'sent':
      return { sent: effect.sent }
    case 'refused':
      return { refused: { id: effect.id, ...effect.refusal } }
    case 'save': {
      const { cursor, placed, heads, left } = effect.save
      return {
        save: {
          cursor,
          placed: Object.fromEntries(placed),
          heads: Object.fromEntries(heads),
          left,
        },
      }
    }
    case 'delivered':
      return { delivered: { conversation: effect.conversation, seq: effect.seq } }
  }
}

describe('the session does what the story says', () => {
  test.each(FILES)('%s', (name) => {
    const story = JSON.parse(readFileSync(new URL(name, FOLDER), 'utf8')) as Story
    const session = sessionOf(story)
    story.steps.forEach((step, index) => {
      const actual = give(session, step).map(shown)
      const where = `${story.title}: step ${index + 1} ${JSON.stringify(step)}`
      expect(actual.length, `${where}\nbut: ${JSON.stringify(actual)}`).toBe(step.effects.length)
      step.effects.forEach((expected, at) => {
        // Members that a file names must be equal, others may be added; a save is complete.
        if ('save' in expected) expect(actual[at], where).toEqual(expected)
        else expect(actual[at], where).toMatchObject(expected)
      })
    })
  })
})

test('there are stories', () => {
  expect(FILES.length).toBeGreaterThanOrEqual(25)
})
