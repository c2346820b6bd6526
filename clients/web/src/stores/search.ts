// Finding people and messages. See contracts.ts: SearchStore.
import { defineStore } from 'pinia'
import type { SearchPage } from '@/sdk/types'
import { useBackend } from './backend'
import type { User } from './contracts'
import { usePeople } from './people'

export const useSearch = defineStore('search', () => {
  const backend = useBackend()
  const known = usePeople()

  async function people(text: string): Promise<User[]> {
    const found = await backend.get().api.findPeople(text)
    known.add(found)
    return found
  }

  function messages(text: string, cursor: string | null): Promise<SearchPage> {
    return backend.get().api.search(text, cursor)
  }

  return { people, messages }
})
