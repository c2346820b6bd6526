// How far others have got. See contracts.ts: ReceiptsStore.
import { defineStore } from 'pinia'
import { shallowReactive } from 'vue'
import type { Delivery, Member } from './contracts'
import { useConversations } from './conversations'
import { useMembers } from './members'
import { useSession } from './session'

const NOBODY: readonly string[] = []

export const useReceipts = defineStore('receipts', () => {
  const conversations = useConversations()
  const members = useMembers()
  const session = useSession()
  const followed = shallowReactive(new Set<string>())

  async function load(conversation: string): Promise<void> {
    const count = conversations.get(conversation)?.member_count ?? 0
    // Of larger ones the server keeps receipts to itself.
    if (count > session.limits.receipts_max_members) return
    followed.add(conversation)
    await members.of(conversation).loaded
  }

  function others(conversation: string): readonly Member[] {
    if (!followed.has(conversation)) return []
    return members.of(conversation).members.filter((one) => one.user.id !== session.me?.id)
  }

  function delivery(conversation: string, seq: number): Delivery {
    const some = others(conversation)
    if (some.length === 0) return 'sent'
    if (some.every((one) => one.read_seq >= seq)) return 'read'
    const arrived = some.every((one) => Math.max(one.delivered_seq, one.read_seq) >= seq)
    return arrived ? 'delivered' : 'sent'
  }

  function readBy(conversation: string, seq: number): readonly string[] {
    const readers = others(conversation).filter((one) => one.read_seq >= seq)
    return readers.length === 0 ? NOBODY : readers.map((one) => one.user.id)
  }

  return { load, delivery, readBy }
})
