// Members of conversations. See contracts.ts: MembersStore.
import { defineStore } from 'pinia'
import { markRaw, shallowReactive } from 'vue'
import type { Told } from '@/sdk'
import { useBackend, type Backend } from './backend'
import type { LogEvent, Member, MemberList } from './contracts'
import { usePeople } from './people'

class Members implements MemberList {
  readonly loaded: Promise<void>
  private readonly state = shallowReactive({
    members: [] as readonly Member[],
    loading: false,
    failed: false,
    next: null as string | null,
  })

  constructor(
    private readonly conversation: string,
    private readonly backend: () => Backend,
    private readonly met: (members: readonly Member[]) => void,
  ) {
    markRaw(this)
    this.loaded = this.reload()
  }

  get members(): readonly Member[] {
    return this.state.members
  }
  get loading(): boolean {
    return this.state.loading
  }
  get failed(): boolean {
    return this.state.failed
  }

  get more(): boolean {
    return this.state.next !== null
  }

  /** The first page: a group may have ten thousand members. */
  reload(): Promise<void> {
    return this.load(null)
  }

  async loadMore(): Promise<void> {
    if (this.state.next !== null && !this.state.loading) await this.load(this.state.next)
  }

  private async load(after: string | null): Promise<void> {
    this.state.loading = true
    this.state.failed = false
    try {
      const { members, next } = await this.backend().api.memberPage(this.conversation, after)
      const known = new Set(members.map(({ user }) => user.id))
      const before = after === null ? [] : this.members.filter(({ user }) => !known.has(user.id))
      this.state.members = [...before, ...members]
      this.state.next = next ?? null
      this.met(members)
    } catch {
      this.state.failed = true
    } finally {
      this.state.loading = false
    }
  }

  add(users: readonly string[]): Promise<void> {
    return this.backend().api.addMembers(this.conversation, users)
  }
  remove(user: string): Promise<void> {
    return this.backend().api.removeMember(this.conversation, user)
  }
  setRole(user: string, role: 'admin' | 'member'): Promise<void> {
    return this.backend().api.setRole(this.conversation, user, role)
  }
  handOver(user: string): Promise<void> {
    return this.backend().api.handOver(this.conversation, user)
  }

  /** The log goes on. */
  follow(event: LogEvent): void {
    switch (event.event) {
      case 'members_added':
        void this.reload()
        break
      case 'member_left':
      case 'member_removed':
        this.state.members = this.members.filter((one) => one.user.id !== event.user)
        break
      case 'role_changed':
        this.change(event.user, { role: event.role as Member['role'] })
        break
    }
  }

  /** Somebody's marks moved; they never go back. */
  mark(user: string, delivered: number, read: number): void {
    const known = this.members.find((one) => one.user.id === user)
    if (known === undefined) return
    this.change(user, {
      delivered_seq: Math.max(known.delivered_seq, delivered, read),
      read_seq: Math.max(known.read_seq, read),
    })
  }

  private change(user: string, change: Partial<Member>): void {
    this.state.members = this.members.map((one) =>
      one.user.id === user ? { ...one, ...change } : one,
    )
  }
}

const LISTS_MAX = 20 // those of conversations looked at last; each costs requests after a lost line

export const useMembers = defineStore('members', () => {
  const backend = useBackend()
  const people = usePeople()
  const lists = new Map<string, Members>()

  function of(conversation: string): MemberList & { loaded: Promise<void> } {
    const list = lists.get(conversation) ?? made(conversation)
    lists.delete(conversation)
    lists.set(conversation, list)
    for (const oldest of lists.keys()) {
      if (lists.size <= LISTS_MAX) break
      lists.delete(oldest)
    }
    return list
  }

  function made(conversation: string): Members {
    const met = (members: readonly Member[]) => people.add(members.map((one) => one.user))
    return new Members(conversation, () => backend.get(), met)
  }

  function told(news: Told): void {
    for (const event of news.events) lists.get(event.conversation)?.follow(event)
    for (const one of news.news) {
      if (one.event !== 'receipt') continue
      lists.get(one.conversation)?.mark(one.user, one.delivered, one.read)
    }
    for (const id of news.forgotten) lists.delete(id)
  }

  /** There was no connection for a while: marks and members may have moved unseen. */
  function reconnected(): void {
    for (const list of lists.values()) void list.reload()
  }

  return { of, told, reconnected }
})
