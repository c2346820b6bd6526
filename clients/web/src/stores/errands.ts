// Changes of messages that are asked for and not done yet: shown as if they were.
import { defineStore } from 'pinia'
import { computed, shallowReactive, shallowRef } from 'vue'
import type { Errand, Told } from '@/sdk'
import type { Cached } from '@/sdk/cache'

const NONE: readonly Errand[] = []

export const useErrands = defineStore('errands', () => {
  const errands = shallowReactive(new Map<string, Errand>())
  /** The newest one that the server refused, and its error code. */
  const fault = shallowRef<{ errand: Errand; code: string } | null>(null)

  const byConversation = computed(() => {
    const found = new Map<string, Errand[]>()
    for (const errand of errands.values()) {
      const some = found.get(errand.conversation)
      if (some === undefined) found.set(errand.conversation, [errand])
      else some.push(errand)
    }
    return found
  })

  /** Those of a conversation, in the order they were asked for. */
  function of(conversation: string): readonly Errand[] {
    return byConversation.value.get(conversation) ?? NONE
  }

  function loaded(cached: Cached): void {
    errands.clear()
    for (const one of cached.errands) errands.set(one.id, one)
  }

  function told(news: Told): void {
    for (const one of news.errands) errands.set(one.id, one)
    for (const id of news.undone) errands.delete(id)
    fault.value = news.faults.at(-1) ?? fault.value
  }

  return { fault, of, loaded, told }
})
