// Whom one knows, and of whom one wants nothing.
import type { Http } from './http'
import type { components } from './generated/rest'

type Rest = components['schemas']

export type Relation = Rest['Relation']
export type Contact = Rest['Contact']
export type ContactRequest = Rest['ContactRequest']
export type Block = Rest['Block']

/** Part of a list; `next` is the `after` of the page that follows, null at the end. */
export interface Part<T> {
  items: T[]
  next: string | null
}

/** The calls; each may be repeated. All reject with Refused, Unreachable or SignedOut. */
export class Contacts {
  constructor(private readonly http: Http) {}

  async list(after: string | null): Promise<Part<Contact>> {
    const { contacts, next } = await this.http.request<Rest['ContactPage']>('GET', '/v1/contacts', { query: { after } })
    return { items: contacts, next }
  }

  /** Those that one has got, or made. */
  async requests(direction: 'in' | 'out', after: string | null): Promise<Part<ContactRequest>> {
    const query = { direction, after }
    const page = await this.http.request<Rest['ContactRequestPage']>('GET', '/v1/contacts/requests', { query })
    return { items: page.requests, next: page.next }
  }

  async blocks(after: string | null): Promise<Part<Block>> {
    const { blocks, next } = await this.http.request<Rest['BlockPage']>('GET', '/v1/blocks', { query: { after } })
    return { items: blocks, next }
  }

  relation(user: string): Promise<Relation> {
    return this.http.request('GET', `/v1/contacts/${user}`)
  }

  /** If they have asked already, this accepts. */
  ask(user: string, text: string): Promise<Relation> {
    return this.http.request('PUT', `/v1/contacts/${user}`, { body: { text } })
  }

  accept(user: string): Promise<Relation> {
    return this.http.request('POST', `/v1/contacts/${user}/accept`)
  }

  async refuse(user: string): Promise<void> {
    await this.http.request('POST', `/v1/contacts/${user}/refuse`)
  }

  /** End a contact, or take a request back. */
  async remove(user: string): Promise<void> {
    await this.http.request('DELETE', `/v1/contacts/${user}`)
  }

  /** What one calls a contact, for oneself; "" takes it away. */
  note(user: string, note: string): Promise<Relation> {
    return this.http.request('PATCH', `/v1/contacts/${user}`, { body: { note } })
  }

  async block(user: string): Promise<void> {
    await this.http.request('PUT', `/v1/blocks/${user}`)
  }

  async unblock(user: string): Promise<void> {
    await this.http.request('DELETE', `/v1/blocks/${user}`)
  }
}
