// Who is typing. See contracts.ts: TypingStore.
import { defineStore } from 'pinia'
import { shallowReactive } from 'vue'
import type { Told } from '@/sdk'
import { useBackend } from './backend'
import { useSession } from './session'

const NOBODY: readonly string[] = []

export const useTyping = defineStore('typing', () => {
  const backend = useBackend()
  const session = useSession()
  const byConversation = shallowReactive(new Map<string, readonly string[]>())

  function typists(conversation: string): readonly string[] {
    return byConversation.get(conversation) ?? NOBODY
  }

  function type(conversation: string): void {
    backend.get().typing(conversation, true)
  }

  function stop(conversation: string): void {
    backend.get().typing(conversation, false)
  }

  function told({ news }: Told): void {
    for (const one of news) {
      if (one.event !== 'typing' || one.user === session.me?.id) continue
      const others = typists(one.conversation).filter((user) => user !== one.user)
      byConversation.set(one.conversation, one.active ? [...others, one.user] : others)
    }
  }

  return { typists, type, stop, told }
})
