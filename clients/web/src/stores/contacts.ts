// Contacts, requests and blocks: lists that are read when somebody looks, and anew after a change.
import { defineStore } from 'pinia'
import { markRaw, shallowReactive } from 'vue'
import type { Told } from '@/sdk'
import type { Block, Contact, ContactRequest, Part, Relation } from '@/sdk/contacts'
import { useBackend } from './backend'
import type { User } from './contracts'
import { usePeople } from './people'

/** Reactive: a list that is read page by page. */
export class PagedList<T> {
  private readonly state = shallowReactive({
    items: [] as readonly T[], loading: false, failed: false, next: null as string | null, asked: false,
  })
  private turn = 0

  constructor(private readonly page: (after: string | null) => Promise<Part<T>>) {
    markRaw(this)
  }

  get items(): readonly T[] {
    return this.state.items
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
  /** Somebody has looked at it. */
  get asked(): boolean {
    return this.state.asked
  }

  load(): Promise<void> {
    this.state.asked = true
    return this.read(null)
  }

  async loadMore(): Promise<void> {
    if (this.state.next !== null && !this.state.loading) await this.read(this.state.next)
  }

  clear(): void {
    this.turn += 1
    Object.assign(this.state, { items: [], loading: false, failed: false, next: null, asked: false })
  }

  private async read(after: string | null): Promise<void> {
    const turn = ++this.turn // an answer that a newer question has overtaken is not shown
    this.state.loading = true
    this.state.failed = false
    try {
      const { items, next } = await this.page(after)
      if (turn !== this.turn) return
      this.state.items = after === null ? items : [...this.items, ...items]
      this.state.next = next
    } catch {
      if (turn === this.turn) this.state.failed = true
    } finally {
      if (turn === this.turn) this.state.loading = false
    }
  }
}

export const useContacts = defineStore('contacts', () => {
  const backend = useBackend()
  const people = usePeople()
  const relations = shallowReactive(new Map<string, Relation>())
  const calls = () => backend.get().api.contacts

  const contacts = new PagedList<Contact>(async (after) => met(await calls().list(after)))
  const asking = new PagedList<ContactRequest>(async (after) => met(await calls().requests('in', after)))
  const asked = new PagedList<ContactRequest>(async (after) => met(await calls().requests('out', after)))
  const blocks = new PagedList<Block>(async (after) => met(await calls().blocks(after)))
  const lists = [contacts, asking, asked, blocks]

  /** Reactive: undefined until it was looked up. */
  function relation(user: string): Relation | undefined {
    return relations.get(user)
  }

  async function look(user: string): Promise<void> {
    relations.set(user, await calls().relation(user))
  }

  async function change(user: string, what: () => Promise<unknown>): Promise<void> {
    await what()
    await Promise.all([look(user), reload()])
  }

  const ask = (user: string, text: string) => change(user, () => calls().ask(user, text))
  const accept = (user: string) => change(user, () => calls().accept(user))
  const refuse = (user: string) => change(user, () => calls().refuse(user))
  const remove = (user: string) => change(user, () => calls().remove(user))
  const note = (user: string, text: string) => change(user, () => calls().note(user, text))
  const block = (user: string) => change(user, () => calls().block(user))
  const unblock = (user: string) => change(user, () => calls().unblock(user))

  async function reload(): Promise<void> {
    await Promise.all(lists.filter((list) => list.asked).map((list) => list.load()))
  }

  /** All lists, for a view of them. */
  async function open(): Promise<void> {
    await Promise.all(lists.map((list) => list.load()))
  }

  function told(news: Told): void {
    for (const event of news.events) {
      if (event.event !== 'other' || !/^(contact|block)_/.test(event.kind)) continue
      const user = event.body['user']
      if (typeof user === 'string' && relations.has(user)) void look(user).catch(() => undefined)
      void reload()
    }
  }

  function met<T extends { user: User }>(page: Part<T>): Part<T> {
    people.add(page.items.map(({ user }) => user))
    return page
  }

  /** Somebody else may sit here next. */
  function clear(): void {
    relations.clear()
    for (const list of lists) list.clear()
  }

  return {
    contacts, asking, asked, blocks, relation, look, ask, accept, refuse, remove, note, block, unblock, open, told, clear,
  }
})
