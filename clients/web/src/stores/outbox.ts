// Own messages that are not in a log yet.
import { defineStore } from 'pinia'
import { computed, shallowReactive } from 'vue'
import type { Queued, Told } from '@/sdk'
import type { Cached } from '@/sdk/cache'
import type { PendingMessage } from './contracts'
import { useSession } from './session'

const NONE: readonly PendingMessage[] = []

export const useOutbox = defineStore('outbox', () => {
  const session = useSession()
  const messages = shallowReactive(new Map<string, Queued>())

  const byConversation = computed(() => {
    const waiting = session.connection.state === 'connected' ? 'sending' : 'queued'
    const found = new Map<string, PendingMessage[]>()
    for (const { id, conversation, text, reply_to, thread, attachments, time, failed } of messages.values()) {
      const status = failed === '' ? waiting : 'failed'
      const some = found.get(conversation) ?? []
      some.push({ id, conversation, text, reply_to, thread, attachments, time, status, code: failed })
      found.set(conversation, some)
    }
    return found
  })

  /** Those of a conversation, oldest first. */
  function of(conversation: string): readonly PendingMessage[] {
    return byConversation.value.get(conversation) ?? NONE
  }

  function newestOf(conversation: string): PendingMessage | null {
    return of(conversation).at(-1) ?? null
  }

  function loaded(cached: Cached): void {
    messages.clear()
    for (const one of cached.outbox) messages.set(one.id, one)
  }

  function told(news: Told): void {
    for (const one of news.queued) messages.set(one.id, one)
    for (const id of news.unqueued) messages.delete(id)
  }

  return { of, newestOf, loaded, told }
})
