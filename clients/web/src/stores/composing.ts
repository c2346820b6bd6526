// What composers are about to do. See contracts.ts: ComposingStore.
import { defineStore } from 'pinia'
import { shallowReactive } from 'vue'
import type { Composing, Message } from './contracts'

const WRITING: Composing = { replyTo: null, editing: null }

export const useComposing = defineStore('composing', () => {
  const states = shallowReactive(new Map<string, Composing>())

  function get(conversation: string): Composing {
    return states.get(conversation) ?? WRITING
  }

  function reply(message: Message): void {
    states.set(message.conversation, { replyTo: message, editing: null })
  }

  function edit(message: Message): void {
    states.set(message.conversation, { replyTo: null, editing: message })
  }

  function clear(conversation: string): void {
    states.delete(conversation)
  }

  return { get, reply, edit, clear }
})
