// What was just said by others, for who is not looking.
import { defineStore } from 'pinia'
import { shallowRef } from 'vue'
import type { Told } from '@/sdk'
import { useBackend } from './backend'
import type { Message } from './contracts'

const FRESH_MS = 60_000 // what is older was said while nobody was connected: the list shows it

export const useNews = defineStore('news', () => {
  const backend = useBackend()
  /** In the tab that leads only, so that each is told once. */
  const messages = shallowRef<readonly Message[]>([])

  function told({ events }: Told): void {
    if (!backend.get().leads) return
    const now = Date.now()
    const fresh = events.filter(
      (event): event is Message =>
        event.event === 'message' && !event.mine && !event.recalled && now - Date.parse(event.time) < FRESH_MS,
    )
    if (fresh.length > 0) messages.value = fresh
  }

  return { messages, told }
})
