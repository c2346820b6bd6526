// The open windows on logs, and sending. See contracts.ts: MessagesStore.
import { defineStore } from 'pinia'
import type { Deed, SendOptions, Told } from '@/sdk'
import { useBackend } from './backend'
import type { Message, Timeline } from './contracts'
import { useConversations } from './conversations'
import { useErrands } from './errands'
import { useOutbox } from './outbox'
import { useSession } from './session'
import { LogTimeline } from './timeline'

export const useMessages = defineStore('messages', () => {
  const backend = useBackend()
  const conversations = useConversations()
  const outbox = useOutbox()
  const errands = useErrands()
  const session = useSession()
  const timelines = new Map<string, LogTimeline>()

  function open(conversation: string): Timeline {
    const known = timelines.get(conversation)
    if (known !== undefined) return known
    const timeline = new LogTimeline(conversation, {
      history: (range) => backend.get().history(conversation, range),
      pending: () => outbox.of(conversation),
      errands: () => errands.of(conversation),
      me: () => session.me?.id ?? '',
      position: () => {
        const record = conversations.record(conversation)
        // A log that was just made may be ahead of what was taken of it.
        return record === undefined ? 0 : record.position || record.head
      },
      readSeq: () => conversations.record(conversation)?.readSeq ?? null,
    })
    timelines.set(conversation, timeline)
    void timeline.jumpToEnd()
    return timeline
  }

  function close(conversation: string): void {
    timelines.delete(conversation)
  }

  function send(conversation: string, text: string, options: SendOptions = {}): Promise<void> {
    return backend.get().send(conversation, text, options)
  }

  function change(message: Message, deed: Deed): Promise<void> {
    return backend.get().ask(message.conversation, message.seq, deed)
  }

  /** Say a message again elsewhere; `id` is that of the new one, for a second try as well. */
  function forward({ conversation, seq }: Message, to: string, id: string): Promise<void> {
    return backend.get().api.forward(to, conversation, [{ seq, client_msg_id: id }])
  }

  /** By halving: the log is in the order of time. */
  async function seqAt(conversation: string, at: Date): Promise<number> {
    const { api } = backend.get()
    const record = conversations.record(conversation)
    let low = record?.conversation.first_seq ?? 1
    let high = record?.conversation.head_seq ?? 1
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      const { events } = await api.events(conversation, { after: middle - 1, limit: 1 })
      const event = events[0]
      if (event === undefined || Date.parse(event.time) >= at.getTime()) high = middle
      else low = middle + 1
    }
    return low
  }

  /** With this emoji, or without it if it is there. */
  function toggleReaction(message: Message, emoji: string): Promise<void> {
    const there = message.reactions.some((one) => one.emoji === emoji && one.mine)
    return change(message, { do: there ? 'unreact' : 'react', emoji })
  }

  function resend(id: string): Promise<void> {
    return backend.get().resend(id)
  }

  function discard(id: string): Promise<void> {
    return backend.get().discard(id)
  }

  function told(news: Told): void {
    for (const timeline of timelines.values()) timeline.told(news)
    for (const id of news.forgotten) timelines.delete(id)
  }

  function loaded(): void {
    for (const timeline of timelines.values()) timeline.reloaded()
  }

  /** The line is back. */
  function reconnected(): void {
    for (const timeline of timelines.values()) timeline.reconnected()
  }

  return { open, close, send, change, forward, seqAt, toggleReaction, resend, discard, told, loaded, reconnected }
})
