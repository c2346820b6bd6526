// What was written and not sent. See contracts.ts: DraftsStore.
import { defineStore } from 'pinia'
import { shallowReactive } from 'vue'
import { readStored, writeStored } from './stored'

const KEY = 'agileim.drafts'
const SETTLE_MS = 300

export const useDrafts = defineStore('drafts', () => {
  const texts = shallowReactive(new Map(Object.entries(readStored<Record<string, string>>(KEY, {}))))
  let timer: ReturnType<typeof setTimeout> | undefined

  function get(conversation: string): string {
    return texts.get(conversation) ?? ''
  }

  function set(conversation: string, text: string): void {
    if (text === '') texts.delete(conversation)
    else texts.set(conversation, text)
    clearTimeout(timer)
    timer = setTimeout(save, SETTLE_MS)
  }

  function save(): void {
    clearTimeout(timer)
    writeStored(KEY, Object.fromEntries(texts))
  }

  /** Somebody else may sit here next. */
  function clear(): void {
    texts.clear()
    save()
  }

  addEventListener('pagehide', save)

  return { get, set, clear }
})
