// The open windows on logs, and sending. See contracts.ts: MessagesStore.
import { defineStore } from 'pinia'
import type { Told } from '@/sdk'
import { useBackend } from './backend'
import type { Timeline } from './contracts'
import { useConversations } from './conversations'
import { useOutbox } from './outbox'
import { LogTimeline } from './timeline'

export const useMessages = defineStore('messages', () => {
  const backend = useBackend()
  const conversations = useConversations()
  const outbox = useOutbox()
  const timelines = new Map<string, LogTimeline>()

  function open(conversation: string): Timeline {
    const known = timelines.get(conversation)
    if (known !== undefined) return known
    const timeline = new LogTimeline(conversation, {
      history: (range) => backend.get().history(conversation, range),
      pending: () => outbox.of(conversation),
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

  function send(conversation: string, text: string): Promise<void> {
    return backend.get().send(conversation, text)
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

  return { open, close, send, resend, discard, told, loaded, reconnected }
})
