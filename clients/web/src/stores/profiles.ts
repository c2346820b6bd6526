// What people tell of themselves: one's own profile, and those of others as one looks at them.
import { defineStore } from 'pinia'
import { shallowReactive, shallowRef } from 'vue'
import type { Told } from '@/sdk'
import type { Me, Profile, ProfileChanges } from '@/sdk/profiles'
import { useBackend } from './backend'
import type { User } from './contracts'
import { usePeople } from './people'
import { useSession } from './session'

const HELD_MAX = 200

export const useProfiles = defineStore('profiles', () => {
  const backend = useBackend()
  const people = usePeople()
  const session = useSession()
  /** Null until it was asked for. */
  const mine = shallowRef<Me | null>(null)
  const others = shallowReactive(new Map<string, Profile>())

  function get(user: string): Profile | undefined {
    return others.get(user)
  }

  async function load(user: string): Promise<void> {
    const profile = await backend.get().api.profiles.of(user)
    others.delete(user)
    others.set(user, profile)
    for (const oldest of others.keys()) {
      if (others.size <= HELD_MAX) break
      others.delete(oldest)
    }
    people.add([userOf(profile)])
  }

  async function loadMine(): Promise<Me> {
    return took(await backend.get().api.profiles.mine())
  }

  /** Rejects with code `stale` when another device was faster: what it made of it is shown then. */
  async function change(changes: ProfileChanges): Promise<void> {
    const known = mine.value ?? (await loadMine())
    try {
      took(await backend.get().api.profiles.change(changes, known.version))
    } catch (error) {
      if ((error as { code?: unknown }).code === 'stale') await loadMine()
      throw error
    }
  }

  function told(news: Told): void {
    if (mine.value === null) return
    const changed = news.events.some((event) => event.event === 'other' && event.kind === 'profile_changed')
    if (changed) void loadMine().catch(() => undefined)
  }

  function took(profile: Me): Me {
    // Answers may overtake each other.
    if (mine.value?.id === profile.id && mine.value.version > profile.version) return mine.value
    mine.value = profile
    const user = userOf(profile)
    people.add([user])
    session.renamed(user)
    return profile
  }

  /** Somebody else may sit here next. */
  function clear(): void {
    mine.value = null
    others.clear()
  }

  return { mine, get, load, loadMine, change, told, clear }
})

function userOf({ id, handle, display_name, avatar }: Profile): User {
  return avatar === undefined ? { id, handle, display_name } : { id, handle, display_name, avatar }
}
