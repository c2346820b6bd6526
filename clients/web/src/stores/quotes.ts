// Messages that others answer. See contracts.ts: QuotesStore.
import { defineStore } from 'pinia'
import { shallowReactive } from 'vue'
import type { Told } from '@/sdk'
import { amended, isChange } from '@/sdk/core/transcript'
import { useBackend } from './backend'
import type { Message } from './contracts'

const HELD_MAX = 500
const AGAIN_MS = 10_000

export const useQuotes = defineStore('quotes', () => {
  const backend = useBackend()
  const known = shallowReactive(new Map<string, Message | null>())
  const asked = new Set<string>()

  function nameOf(conversation: string, seq: number): string {
    return `${conversation} ${String(seq)}`
  }

  function get(conversation: string, seq: number): Message | null | undefined {
    const name = nameOf(conversation, seq)
    const message = known.get(name)
    if (message === undefined && !asked.has(name)) {
      asked.add(name)
      void ask(name, conversation, seq)
    }
    return message
  }

  async function ask(name: string, conversation: string, seq: number): Promise<void> {
    try {
      known.set(name, await backend.get().message(conversation, seq))
      for (const oldest of known.keys()) {
        if (known.size <= HELD_MAX) break
        known.delete(oldest)
        asked.delete(oldest)
      }
    } catch {
      // Asked for again when somebody looks later.
      setTimeout(() => asked.delete(name), AGAIN_MS)
    }
  }

  function told(news: Told): void {
    if (known.size === 0) return
    for (const event of news.events) {
      if (!isChange(event)) continue
      const name = nameOf(event.conversation, event.target)
      const message = known.get(name)
      if (message) known.set(name, amended(message, event))
    }
    for (const message of news.amended) {
      const name = nameOf(message.conversation, message.seq)
      if (known.has(name)) known.set(name, message)
    }
  }

  return { get, told }
})
