// Who is online. See contracts.ts: PresenceStore.
import { defineStore } from 'pinia'
import { shallowReactive } from 'vue'
import type { Told } from '@/sdk'
import { useBackend } from './backend'

const SETTLE_MS = 200 // scrolling a list changes what is on screen often

export const usePresence = defineStore('presence', () => {
  const backend = useBackend()
  const places = shallowReactive(new Map<string, ReadonlySet<string>>()) // where a user is online
  const seen = shallowReactive(new Map<string, string>())
  let shown: readonly string[] = []
  let timer: ReturnType<typeof setTimeout> | undefined

  function isOnline(user: string): boolean {
    return (places.get(user)?.size ?? 0) > 0
  }

  function lastSeen(user: string): string | null {
    return seen.get(user) ?? null
  }

  function show(conversations: readonly string[]): void {
    if (conversations.length === shown.length && conversations.every((id) => shown.includes(id))) {
      return
    }
    shown = [...conversations]
    clearTimeout(timer)
    timer = setTimeout(() => backend.get().watch(shown), SETTLE_MS)
  }

  function told({ news }: Told): void {
    for (const one of news) {
      if (one.event !== 'presence') continue
      const at = new Set(places.get(one.user))
      if (one.online) at.add(one.conversation)
      else at.delete(one.conversation)
      places.set(one.user, at)
      if (one.last_seen !== null) seen.set(one.user, one.last_seen)
    }
  }

  return { isOnline, lastSeen, show, told }
})
