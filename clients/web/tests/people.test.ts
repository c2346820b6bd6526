// @vitest-environment happy-dom
// Profiles, contacts, requests and blocks, against a small api in memory.
import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, describe, expect, test } from 'vitest'
import { endOf } from '@/components/status_end'
import { Refused } from '@/sdk/errors'
import type { Me, ProfileChanges } from '@/sdk/profiles'
import { useBackend, type Backend } from '@/stores/backend'
import { PagedList, useContacts } from '@/stores/contacts'
import { usePeople } from '@/stores/people'
import { useProfiles } from '@/stores/profiles'
import { BOB, ME, told } from './support/events'

const BOB_USER = { id: BOB, handle: 'bob', display_name: 'Bob' }
const PRIVACY: Me['privacy'] = {
  presence: 'everyone', messages: 'everyone', groups: 'everyone', find_by_name: true, find_by_email: false, find_by_phone: false,
}

/** Keeps one profile, and what Bob is to its owner. */
class Server {
  me: Me = { id: ME, handle: 'mei', display_name: 'Mei', version: 1, privacy: PRIVACY }
  asked = false
  looks = 0

  readonly profiles = {
    mine: () => Promise.resolve(this.me),
    of: (user: string) => Promise.resolve({ ...BOB_USER, id: user, display_name: 'Robert', time_zone: 'Europe/Prague' }),
    change: (changes: ProfileChanges, version: number) => {
      if (version !== this.me.version) return Promise.reject(new Refused('stale', '', '', 0, 412))
      this.me = { ...this.me, display_name: changes.display_name ?? this.me.display_name, version: version + 1 }
      return Promise.resolve(this.me)
    },
  }

  readonly contacts = {
    list: () => Promise.resolve({ items: [], next: null }),
    blocks: () => Promise.resolve({ items: [], next: null }),
    requests: (direction: 'in' | 'out') => {
      this.looks += 1
      const items = this.asked && direction === 'out' ? [{ user: BOB_USER, text: 'hi', time: '2026-01-01T00:00:00Z' }] : []
      return Promise.resolve({ items, next: null })
    },
    relation: (user: string) => Promise.resolve({ user, state: this.asked ? 'asked' : 'none', blocked: false }),
    ask: () => {
      this.asked = true
      return Promise.resolve()
    },
  }
}

let server: Server
beforeEach(() => {
  setActivePinia(createPinia())
  server = new Server()
  useBackend().use({ api: server } as unknown as Backend)
})

function inbox(kind: string, body: Record<string, unknown>) {
  const logged = { conversation: 'inbox', seq: 1, sender: ME, time: '', number: 0, mine: true }
  return told({ events: [{ event: 'other', ...logged, kind, body }] })
}

describe('profiles', () => {
  test('a change is kept, with the version that was seen', async () => {
    const profiles = useProfiles()
    await profiles.loadMine()
    await profiles.change({ display_name: 'Mei Lin' })
    expect(server.me.display_name).toBe('Mei Lin')
    expect(profiles.mine?.version).toBe(2)
    expect(usePeople().get(ME)?.display_name).toBe('Mei Lin')
  })

  test('what another device was faster with is shown', async () => {
    const profiles = useProfiles()
    await profiles.loadMine()
    server.me = { ...server.me, display_name: 'From afar', version: 5 }
    await expect(profiles.change({ display_name: 'Late' })).rejects.toMatchObject({ code: 'stale' })
    expect(profiles.mine?.display_name).toBe('From afar')
  })

  test('a change on another device is followed', async () => {
    const profiles = useProfiles()
    await profiles.loadMine()
    server.me = { ...server.me, display_name: 'Changed', version: 2 }
    profiles.told(inbox('profile_changed', { version: 2 }))
    await expect.poll(() => profiles.mine?.display_name).toBe('Changed')
  })

  test('others are called as their profile says', async () => {
    await useProfiles().load(BOB)
    expect(useProfiles().get(BOB)?.time_zone).toBe('Europe/Prague')
    expect(usePeople().name(BOB)).toBe('Robert')
  })
})

describe('contacts', () => {
  test('a request is among those made, and what the other one is is known', async () => {
    const contacts = useContacts()
    await contacts.open()
    expect(contacts.asked.items).toEqual([])
    await contacts.ask(BOB, 'hi')
    expect(contacts.asked.items.map(({ user }) => user.id)).toEqual([BOB])
    expect(contacts.relation(BOB)?.state).toBe('asked')
  })

  test('news are followed by lists that somebody looks at only', async () => {
    const contacts = useContacts()
    contacts.told(inbox('contact_changed', { user: BOB }))
    expect(server.looks).toBe(0)
    await contacts.open()
    server.asked = true
    contacts.told(inbox('contact_changed', { user: BOB }))
    await expect.poll(() => contacts.asked.items.length).toBe(1)
  })

  test('a list is read page by page; an overtaken answer is not shown', async () => {
    const answers: ((items: number[]) => void)[] = []
    const list = new PagedList<number>((after) => new Promise((resolve) => {
      answers.push((items) => resolve({ items, next: after === null ? 'x' : null }))
    }))
    const old = list.load()
    const fresh = list.load()
    answers[1]?.([1, 2])
    await fresh
    answers[0]?.([9])
    await old
    expect(list.items).toEqual([1, 2])
    const rest = list.loadMore()
    answers[2]?.([3])
    await rest
    expect([list.items, list.more]).toEqual([[1, 2, 3], false])
  })
})

test('a status ends when it is said to', () => {
  const now = new Date(2026, 4, 31, 23, 30)
  expect(endOf('kept', 'then', now)).toBe('then')
  expect(endOf('never', 'then', now)).toBeNull()
  expect(endOf('30m', null, now)).toBe(new Date(2026, 5, 1).toISOString())
  expect(endOf('today', null, now)).toBe(new Date(2026, 5, 1).toISOString())
  expect(endOf('week', null, now)).toBe(new Date(now.getTime() + 7 * 86_400_000).toISOString())
})
