// Open threads. See contracts.ts: ThreadsStore.
import { defineStore } from 'pinia'
import { shallowReactive } from 'vue'
import type { Told } from '@/sdk'
import { amended, fromPresent, isChange } from '@/sdk/core/transcript'
import { useBackend } from './backend'
import type { Message, Thread } from './contracts'
import { useSession } from './session'

const PAGE = 50

class OpenThread implements Thread {
  private readonly state = shallowReactive({
    replies: [] as readonly Message[],
    atStart: false,
    loading: false,
    failed: false,
  })
  private seen: Message[] = [] // live ones, while a page is under way

  constructor(
    readonly conversation: string,
    readonly root: number,
    private readonly page: (before: number | null) => Promise<{ messages: Message[]; next: number | null }>,
  ) {}

  get replies(): readonly Message[] {
    return this.state.replies
  }
  get atStart(): boolean {
    return this.state.atStart
  }
  get loading(): boolean {
    return this.state.loading
  }
  get failed(): boolean {
    return this.state.failed
  }

  async loadOlder(): Promise<void> {
    if (this.state.loading || this.state.atStart) return
    this.state.loading = true
    this.state.failed = false
    try {
      const { messages, next } = await this.page(this.replies[0]?.seq ?? null)
      this.state.atStart = next === null
      this.merge([...messages, ...this.seen])
    } catch {
      this.state.failed = true
    } finally {
      this.state.loading = false
    }
  }

  /** After a break: the newest page again. */
  async refresh(): Promise<void> {
    const { messages } = await this.page(null).catch(() => ({ messages: [] }))
    this.merge(messages)
  }

  told(news: Told): void {
    const mine = news.events.filter((event) => event.conversation === this.conversation)
    const fresh = mine.filter((event): event is Message => event.event === 'message' && event.thread === this.root)
    if (this.state.loading) this.seen.push(...fresh)
    if (fresh.length > 0) this.merge(fresh)
    const changes = mine.filter(isChange)
    const now = new Map(news.amended.map((one) => [`${one.conversation} ${String(one.seq)}`, one]))
    if (changes.length + now.size === 0) return
    this.state.replies = this.replies.map((one) => {
      const message = now.get(`${one.conversation} ${String(one.seq)}`) ?? one
      return changes.reduce(amended, message)
    })
  }

  private merge(messages: readonly Message[]): void {
    const all = new Map(this.replies.map((one) => [one.seq, one]))
    for (const one of messages) if ((all.get(one.seq)?.as_of ?? 0) < one.as_of) all.set(one.seq, one)
    this.state.replies = [...all.values()].sort((a, b) => a.seq - b.seq)
  }
}

export const useThreads = defineStore('threads', () => {
  const backend = useBackend()
  const session = useSession()
  const opened = new Set<OpenThread>()

  function open(conversation: string, root: number): Thread {
    const thread = new OpenThread(conversation, root, async (before) => {
      const page = await backend.get().api.thread(conversation, root, before, PAGE)
      const me = session.me?.id ?? ''
      const messages = page.messages.map((one) => fromPresent(conversation, one, page.head_seq, me))
      return { messages, next: page.next }
    })
    opened.add(thread)
    void thread.loadOlder()
    return thread
  }

  function close(thread: Thread): void {
    opened.delete(thread as OpenThread)
  }

  function told(news: Told): void {
    for (const thread of opened) thread.told(news)
  }

  function reconnected(): void {
    for (const thread of opened) void thread.refresh()
  }

  return { open, close, told, reconnected }
})
