// The list of conversations. See contracts.ts: ConversationsStore.
import { defineStore } from 'pinia'
import { computed, ref, shallowReactive } from 'vue'
import { unreadOf, type Record, type Told } from '@/sdk'
import type { Cached } from '@/sdk/cache'
import { afterSync } from '@/sdk/records'
import { useBackend } from './backend'
import type { Conversation, ConversationItem, MemberSettings, Message, PendingMessage } from './contracts'
import { useOutbox } from './outbox'
import { useSession } from './session'

export const useConversations = defineStore('conversations', () => {
  const backend = useBackend()
  const outbox = useOutbox()
  const session = useSession()
  const records = shallowReactive(new Map<string, Record>())
  const ready = ref(false)
  const made = new WeakMap<Record, ConversationItem>()

  const list = computed<readonly ConversationItem[]>(() => {
    const items: ConversationItem[] = []
    for (const record of records.values()) {
      if (record.conversation.kind !== 'inbox') items.push(itemOf(record))
    }
    return items.sort(byPlace)
  })

  const unread = computed(() => list.value.reduce((sum, item) => sum + (isMuted(item) ? 0 : item.unread), 0))

  function get(id: string): ConversationItem | undefined {
    const record = records.get(id)
    return record === undefined ? undefined : itemOf(record)
  }

  function record(id: string): Record | undefined {
    return records.get(id)
  }

  async function openDirect(user: string): Promise<ConversationItem> {
    return adopt(await backend.get().api.createDirect(user))
  }

  async function createGroup(name: string, users: readonly string[]): Promise<ConversationItem> {
    return adopt(await backend.get().api.createGroup(name, users))
  }

  async function rename(id: string, name: string): Promise<void> {
    await backend.get().api.rename(id, name)
  }

  async function leave(id: string): Promise<void> {
    await backend.get().api.leave(id)
    records.delete(id)
  }

  function markRead(id: string, seq: number, number = 0): void {
    const known = records.get(id)
    if (known !== undefined && seq > known.readSeq) backend.get().read(id, seq, number)
  }

  async function change(id: string, changes: Partial<MemberSettings>): Promise<void> {
    await backend.get().api.changeSettings(id, changes)
  }

  /** At the top, below those that are there. */
  function nextPlace(): number {
    const places = [...records.values()].map(({ conversation }) => conversation.settings.pinned ?? -1)
    return Math.max(-1, ...places) + 1
  }

  function isMuted({ settings }: ConversationItem): boolean {
    return settings.muted_until !== null && Date.parse(settings.muted_until) > Date.now()
  }

  function markAllRead(id: string): void {
    const record = records.get(id)
    if (record === undefined) return
    markRead(id, record.conversation.head_seq, record.conversation.number)
    if (record.conversation.settings.marked_unread) void change(id, { marked_unread: false }).catch(() => undefined)
  }

  function notifies(item: ConversationItem, message: Message): boolean {
    if (item.state !== 'member' || message.seq <= item.read_seq) return false
    const { notify } = item.settings
    if (notify === 'none' || isMuted(item)) return false
    const me = session.me?.id ?? ''
    return notify === 'all' || item.kind === 'direct' || message.mention_all || message.mentions.includes(me)
  }

  function loaded(cached: Cached): void {
    records.clear()
    for (const one of cached.records) records.set(one.id, one)
    ready.value ||= cached.meta?.cursor != null
  }

  function told(news: Told): void {
    for (const one of news.records) records.set(one.id, one)
    for (const id of news.forgotten) records.delete(id)
  }

  /** The first sync has ended. */
  function synced(): void {
    ready.value = true
  }

  /** Of a conversation just made: shown before its log tells of it. */
  function adopt(conversation: Conversation): ConversationItem {
    const known = records.get(conversation.id)
    if (known !== undefined) return itemOf(known)
    const record = afterSync(undefined, conversation)
    records.set(record.id, record)
    backend.get().sync()
    return itemOf(record)
  }

  function itemOf(record: Record): ConversationItem {
    const pending = outbox.newestOf(record.id)
    const known = made.get(record)
    if (known !== undefined && known.pending === pending) return known
    const item = build(record, pending)
    made.set(record, item)
    return item
  }

  return {
    list, ready, unread, get, record, openDirect, createGroup, rename, leave, markRead, markAllRead, change, nextPlace, isMuted, notifies, loaded, told, synced,
  }
})

/** Pinned ones at the top, then by activity. */
function byPlace(a: ConversationItem, b: ConversationItem): number {
  const places = (a.settings.pinned ?? Infinity) - (b.settings.pinned ?? Infinity)
  if (places !== 0 && !Number.isNaN(places)) return places
  return a.activeAt < b.activeAt ? 1 : a.activeAt > b.activeAt ? -1 : 0
}

function build(record: Record, pending: PendingMessage | null): ConversationItem {
  const { conversation, last } = record
  const peer = conversation.peer
  const times = [last?.time ?? conversation.created_at, pending?.time ?? '']
  return {
    ...conversation,
    read_seq: record.readSeq,
    unread: unreadOf(record),
    title: peer === null ? conversation.name : peer.display_name || peer.handle,
    last,
    pending,
    activeAt: times.sort().at(-1) ?? '',
  }
}
