// Several tabs: one leads, the others ask it and are told.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { Refused } from '@/sdk/errors'
import { Tabs } from '@/sdk/tabs'
import type { Commands, Status, Told } from '@/sdk/told'
import { message, told } from './support/events'

/** Web Locks, as far as tabs use them: one holder, the others in a row. */
class Locks {
  private readonly row: (() => void)[] = []
  private held = false

  request(_name: string, hold: () => Promise<never>): void {
    const take = () => {
      this.held = true
      void hold()
    }
    if (this.held) this.row.push(take)
    else take()
  }

  /** The holder's tab is gone. */
  free(): void {
    this.held = false
    this.row.shift()?.()
  }
}

const status: Status = {
  signedIn: 'in',
  user: null,
  connection: 'connected',
  reason: '',
  retryAt: null,
  syncing: false,
}

function news(seq: number): Told {
  return told({ events: [message('c', seq)] })
}

class Tab {
  readonly told: number[] = []
  readonly statuses: Status['connection'][] = []
  readonly done: string[] = []
  missed = 0
  returned = 0
  readonly tabs = new Tabs({
    told: ({ events }) => this.told.push(...events.map((event) => event.seq)),
    status: ({ connection }) => this.statuses.push(connection),
    missed: () => (this.missed += 1),
    returned: () => (this.returned += 1),
  })

  constructor(readonly name: string) {
    open.push(this)
    void this.tabs.lead().then(() => this.tabs.leading(this.commands(), status))
  }

  private commands(): Commands {
    const wanted = {
      token: () => Promise.resolve(`token of ${this.name}`),
      resend: (id: string) => {
        this.done.push(id)
        return Promise.resolve()
      },
      discard: () => Promise.reject(new Refused('conflict', 'no', 'id')),
    }
    return wanted as unknown as Commands
  }
}

const open: Tab[] = []
let locks: Locks

beforeEach(() => {
  locks = new Locks()
  vi.stubGlobal('navigator', { locks })
})

afterEach(() => {
  for (const { tabs } of open.splice(0)) tabs.close()
  vi.unstubAllGlobals()
})

describe('the tab that leads', () => {
  test('answers itself and the others, refusals included', async () => {
    const first = new Tab('first')
    const second = new Tab('second')
    await expect(first.tabs.call('token', '')).resolves.toBe('token of first')
    await expect(second.tabs.call('token', '')).resolves.toBe('token of first')
    await expect(second.tabs.call('discard', 'x')).rejects.toMatchObject({
      code: 'conflict',
      field: 'id',
    })
    expect([first.tabs.leads, second.tabs.leads]).toEqual([true, false])
  })

  test('tells all tabs, in order', async () => {
    const first = new Tab('first')
    const second = new Tab('second')
    await second.tabs.call('token', '')
    for (const seq of [1, 2, 3]) first.tabs.tell(news(seq))
    first.tabs.tellStatus({ ...status, connection: 'waiting' })
    await expect.poll(() => second.told).toEqual([1, 2, 3])
    expect(first.told).toEqual([1, 2, 3])
    await expect.poll(() => second.statuses.at(-1)).toBe('waiting')
  })
})

describe('a tab that follows', () => {
  test('that comes late reads the cache once, then follows', async () => {
    const first = new Tab('first')
    await first.tabs.call('token', '')
    first.tabs.tell(news(1))
    const second = new Tab('second')
    await expect.poll(() => second.missed).toBe(1)
    first.tabs.tell(news(2))
    await expect.poll(() => second.told).toEqual([2])
    expect(second.missed).toBe(1)
  })

  test('leads when the other one is gone; what was asked meanwhile is done', async () => {
    const first = new Tab('first')
    const second = new Tab('second')
    const third = new Tab('third')
    await second.tabs.call('token', '')
    first.tabs.close()
    const asked = third.tabs.call('resend', 'a')
    locks.free()
    await asked
    expect(second.done).toEqual(['a'])
    await expect(third.tabs.call('token', '')).resolves.toBe('token of second')
    // What the first one told last may not have arrived.
    expect(third.missed).toBe(2)
  })

  test('is told when somebody has signed in', async () => {
    const first = new Tab('first')
    const second = new Tab('second')
    second.tabs.tellReturned()
    await expect.poll(() => first.returned).toBe(1)
  })
})
