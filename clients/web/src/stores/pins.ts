// Pinned messages. See contracts.ts: PinsStore.
import { defineStore } from 'pinia'
import { shallowReactive } from 'vue'
import type { Told } from '@/sdk'
import { amended, isChange } from '@/sdk/core/transcript'
import { useBackend } from './backend'
import type { Message } from './contracts'

const NONE: readonly Message[] = []

export const usePins = defineStore('pins', () => {
  const backend = useBackend()
  const lists = shallowReactive(new Map<string, readonly Message[]>())

  function of(conversation: string): readonly Message[] {
    return lists.get(conversation) ?? NONE
  }

  async function load(conversation: string): Promise<void> {
    const found = await backend.get().pins(conversation)
    lists.set(conversation, found.reverse())
  }

  function told(news: Told): void {
    for (const event of news.events) {
      const list = lists.get(event.conversation)
      if (list === undefined || !isChange(event)) continue
      if (event.event === 'message_pinned') void load(event.conversation).catch(() => undefined)
      else if (list.some(({ seq }) => seq === event.target)) {
        keep(event.conversation, list.map((one) => amended(one, event)))
      }
    }
    for (const message of news.amended) {
      const list = lists.get(message.conversation)
      if (list === undefined) continue
      keep(message.conversation, list.map((one) => (one.seq === message.seq ? message : one)))
    }
    for (const id of news.forgotten) lists.delete(id)
  }

  function keep(conversation: string, list: readonly Message[]): void {
    lists.set(conversation, list.filter(({ pinned }) => pinned))
  }

  /** There was no connection for a while. */
  function reconnected(): void {
    for (const id of lists.keys()) void load(id).catch(() => undefined)
  }

  return { of, load, told, reconnected }
})
