// What composers are about to do. See contracts.ts: ComposingStore.
import { defineStore } from 'pinia'
import { shallowReactive } from 'vue'
import type { Composing, Message } from './contracts'

/** The name of a composer: of a conversation's, or of a thread's. */
export function placeOfThread(conversation: string, thread: number | null): string {
  return thread === null ? conversation : `${conversation}/${String(thread)}`
}

const WRITING: Composing = { replyTo: null, editing: null }

export const useComposing = defineStore('composing', () => {
  const states = shallowReactive(new Map<string, Composing>())

  function get(place: string): Composing {
    return states.get(place) ?? WRITING
  }

  function reply(message: Message): void {
    states.set(placeOfThread(message.conversation, message.thread), { replyTo: message, editing: null })
  }

  function edit(message: Message): void {
    states.set(placeOfThread(message.conversation, message.thread), { replyTo: null, editing: message })
  }

  function clear(place: string): void {
    states.delete(place)
  }

  return { get, reply, edit, clear }
})
