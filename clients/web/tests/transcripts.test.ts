// What messages become: the recorded transcripts of tests/frames, which every client runs.
import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { fromWire } from '@/sdk/core/events'
import { wireEvent } from '@/sdk/core/frames'
import { amended, answered, isChange, outdates } from '@/sdk/core/transcript'
import type { Message } from '@/sdk/types'

const FOLDER = new URL('../../../tests/frames/transcripts/', import.meta.url)
const FILES = readdirSync(FOLDER).sort()

interface Story {
  me: string
  steps: { event: Record<string, unknown>; messages: Record<string, object>; outdated?: number[] }[]
}

test.each(FILES)('%s', (name) => {
  const story = JSON.parse(readFileSync(new URL(name, FOLDER), 'utf8')) as Story
  const messages = new Map<number, Message>()
  const outdated = new Set<number>()
  for (const step of story.steps) {
    const wire = wireEvent(step.event)
    if (wire === null) throw new Error(`not an event: ${JSON.stringify(step.event)}`)
    const event = fromWire(wire, story.me)
    if (event.event === 'message') {
      messages.set(event.seq, event)
      const root = messages.get(event.thread ?? 0)
      if (root !== undefined) messages.set(root.seq, answered(root, event))
    }
    const old = isChange(event) ? messages.get(event.target) : undefined
    if (isChange(event) && old !== undefined) {
      if (outdates(old, event)) outdated.add(event.target)
      messages.set(event.target, amended(old, event))
    }
    expect([...outdated], JSON.stringify(step)).toEqual(step.outdated ?? [])
    for (const [seq, expected] of Object.entries(step.messages)) {
      expect(messages.get(Number(seq)), JSON.stringify(step)).toMatchObject(expected)
    }
  }
})

test('an event that is in a message already changes nothing', () => {
  const change = fromWire(
    { conversation: 'c', seq: 5, kind: 'reaction_added', sender: 'bob', time: '', number: 1, client_msg_id: '', body: { seq: 1, emoji: '👍' } },
    'me',
  )
  const first = { conversation: 'c', seq: 1, kind: 'message', sender: 'me', time: '', number: 1, client_msg_id: '', body: { text: 'x' } }
  const message = { ...fromWire(first, 'me'), as_of: 5 } as Message
  if (!isChange(change)) throw new Error('not a change')
  expect(amended(message, change)).toBe(message)
  expect(amended({ ...message, as_of: 4 }, change).reactions).toHaveLength(1)
})

test('there are transcripts', () => {
  expect(FILES.length).toBeGreaterThanOrEqual(4)
})
