import { expect, test } from 'vitest'
import { Outbox } from '@/sdk/core/outbox'

function box(inOrder: boolean): Outbox {
  const outbox = new Outbox(() => 0.5, inOrder)
  for (const id of ['a1', 'a2', 'a3']) outbox.add(id, 'a', { text: id })
  outbox.add('b1', 'b', { text: 'b1' })
  return outbox
}

function due(outbox: Outbox, now: number): string[] {
  return outbox.due(now).map((pending) => pending.id)
}

const unavailable = { code: 'unavailable', message: '', field: '', retry_after_ms: 500 }

test('without an order everything is written at once', () => {
  expect(due(box(false), 0)).toEqual(['a1', 'a2', 'a3', 'b1'])
})

test('in order: the next one of a conversation waits for the answer, others do not', () => {
  const outbox = box(true)
  expect(due(outbox, 0)).toEqual(['a1', 'b1'])
  expect(due(outbox, 1)).toEqual([])
  outbox.drop('a1')
  expect(outbox.nextAt()).toBe(0)
  expect(due(outbox, 1)).toEqual(['a2'])
})

test('in order: a refusal for a while holds back what came after', () => {
  const outbox = box(true)
  due(outbox, 0)
  outbox.refused('a1', unavailable, 1)
  expect(due(outbox, 1)).toEqual([])
  expect(outbox.nextAt()).toBeCloseTo(1.625)
  expect(due(outbox, 1.7)).toEqual(['a1'])
  outbox.refused('a1', { ...unavailable, code: 'forbidden' }, 2)
  expect(due(outbox, 2)).toEqual(['a2'])
})

test('in order: a lost line begins with the oldest again', () => {
  const outbox = box(true)
  due(outbox, 0)
  outbox.disconnected()
  expect(due(outbox, 5)).toEqual(['a1', 'b1'])
})

test('nothing to wait for when all is written, but for answers that never come', () => {
  const outbox = new Outbox(() => 0.5, true)
  expect(outbox.nextAt()).toBeNull()
  outbox.add('a1', 'a', { text: '' })
  due(outbox, 0)
  expect(outbox.nextAt()).toBe(20)
  expect(due(outbox, 20)).toEqual(['a1'])
})
