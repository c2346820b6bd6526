// Users by id. See contracts.ts: PeopleStore.
import { defineStore } from 'pinia'
import { computed, shallowReactive } from 'vue'
import type { Told } from '@/sdk'
import type { Cached } from '@/sdk/cache'
import { useBackend } from './backend'
import type { User } from './contracts'

const GATHER_MS = 20 // ids that a view asks for come together
const AGAIN_MS = 10_000

export const usePeople = defineStore('people', () => {
  const backend = useBackend()
  const users = shallowReactive(new Map<string, User>())
  const asked = new Set<string>()
  let wanted = new Set<string>()

  const known = computed(() => {
    const all = [...users.values()]
    return all.sort((a, b) => label(a).localeCompare(label(b)))
  })

  function get(id: string): User | undefined {
    const user = users.get(id)
    if (user === undefined && id !== '' && !asked.has(id)) {
      asked.add(id)
      if (wanted.size === 0) setTimeout(ask, GATHER_MS)
      wanted.add(id)
    }
    return user
  }

  function name(id: string): string {
    const user = get(id)
    return user === undefined ? id.slice(0, 8) : label(user)
  }

  async function find(handle: string): Promise<User | null> {
    const user = await backend.get().api.userByHandle(handle)
    if (user !== null) add([user])
    return user
  }

  function add(some: readonly User[]): void {
    for (const user of some) users.set(user.id, user)
  }

  function loaded(cached: Cached): void {
    add(cached.people)
    if (cached.meta !== null) add([cached.meta.user])
  }

  function told({ people }: Told): void {
    add(people)
  }

  async function ask(): Promise<void> {
    const ids = [...wanted]
    wanted = new Set()
    try {
      add(await backend.get().people(ids))
    } catch {
      // Asked for again when somebody looks later.
      setTimeout(() => ids.forEach((id) => asked.delete(id)), AGAIN_MS)
    }
  }

  return { known, get, name, find, add, loaded, told }
})

function label(user: User): string {
  return user.display_name || user.handle
}
