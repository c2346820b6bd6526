// The REST interface `/v1`, typed. Every request here may be repeated, and is, for a while.
import { settingsOf } from './core/events'
import { wireEvent } from './core/frames'
import { Contacts } from './contacts'
import { Http, type Raw } from './http'
import { Profiles } from './profiles'
import type {
  Attachment, Conversation, EventPage, Limits, Member, MemberSettings, MessagePage, PresentMessage, SearchPage, SyncPage, User,
} from './types'

/** Where a file can be had. */
export interface FileLink {
  file: string
  url: string
  thumbnail_url?: string
  expires_at: string
}

const PAGE = 100

/** The calls. All reject with Refused, Unreachable or SignedOut. */
export class Api extends Http {
  readonly profiles = new Profiles(this)
  readonly contacts = new Contacts(this)

  me(): Promise<User> {
    return this.request('GET', '/v1/me')
  }

  async limits(): Promise<Limits> {
    return this.request('GET', '/v1/limits')
  }

  /** Users by id; unknown ones are left out. */
  async users(ids: readonly string[]): Promise<User[]> {
    const found: User[] = []
    for (let at = 0; at < ids.length; at += PAGE) {
      const query = { ids: ids.slice(at, at + PAGE).join(',') }
      found.push(...(await this.request<{ users: User[] }>('GET', '/v1/users', { query })).users)
    }
    return found
  }

  /** By exact handle. */
  async userByHandle(handle: string): Promise<User | null> {
    const query = { handle }
    const { users } = await this.request<{ users: User[] }>('GET', '/v1/users', { query })
    return users[0] ?? null
  }

  async conversation(id: string): Promise<Conversation> {
    return conversationOf(await this.request<Raw>('GET', `/v1/conversations/${id}`))
  }

  /** The conversation with `user`, made if there is none. */
  async createDirect(user: string): Promise<Conversation> {
    const body = { kind: 'direct', user }
    return conversationOf(await this.request<Raw>('POST', '/v1/conversations', { body }))
  }

  async createGroup(name: string, members: readonly string[]): Promise<Conversation> {
    const body = { kind: 'group', name, members }
    const headers = { 'Idempotency-Key': crypto.randomUUID() }
    return conversationOf(await this.request<Raw>('POST', '/v1/conversations', { body, headers }))
  }

  async rename(id: string, name: string): Promise<void> {
    await this.request('PATCH', `/v1/conversations/${id}`, { body: { name } })
  }

  async addMembers(id: string, users: readonly string[]): Promise<void> {
    await this.request('POST', `/v1/conversations/${id}/members`, { body: { users } })
  }

  async removeMember(id: string, user: string): Promise<void> {
    await this.request('DELETE', `/v1/conversations/${id}/members/${user}`)
  }

  async setRole(id: string, user: string, role: 'admin' | 'member'): Promise<void> {
    await this.request('PATCH', `/v1/conversations/${id}/members/${user}`, { body: { role } })
  }

  async handOver(id: string, user: string): Promise<void> {
    await this.request('POST', `/v1/conversations/${id}/owner`, { body: { user } })
  }

  async leave(id: string): Promise<void> {
    await this.request('POST', `/v1/conversations/${id}/leave`)
  }

  /** A range of the log, ascending: after a seq, or the page just before one. */
  async events(
    id: string,
    range: { after?: number; before?: number; limit: number },
  ): Promise<EventPage> {
    const query = { after_seq: range.after, before_seq: range.before, limit: range.limit }
    const page = await this.request<Raw>('GET', `/v1/conversations/${id}/events`, { query })
    const events = (page['events'] as Raw[]).map(wireEvent).filter((event) => event !== null)
    return { events, head_seq: Number(page['head_seq']), first_seq: Number(page['first_seq']) }
  }

  /** The page of messages just before a seq, as they are now. */
  async messages(id: string, before: number, limit: number): Promise<MessagePage> {
    const query = { before_seq: before, limit }
    return messagesOf(await this.request<Raw>('GET', `/v1/conversations/${id}/messages`, { query }))
  }

  /** All pinned messages, as they are now. */
  async pins(id: string): Promise<MessagePage> {
    return messagesOf(await this.request<Raw>('GET', `/v1/conversations/${id}/pins`))
  }

  /** Give an own message another text, if it still has the version that was seen. */
  async edit(id: string, seq: number, text: string, version: number): Promise<void> {
    const headers = { 'If-Match': `"${String(version)}"` }
    await this.request('PATCH', `/v1/conversations/${id}/messages/${String(seq)}`, { body: { text }, headers })
  }

  async recall(id: string, seq: number): Promise<void> {
    await this.request('DELETE', `/v1/conversations/${id}/messages/${String(seq)}`)
  }

  async react(id: string, seq: number, emoji: string, there: boolean): Promise<void> {
    const path = `/v1/conversations/${id}/messages/${String(seq)}/reactions/${encodeURIComponent(emoji)}`
    await this.request(there ? 'PUT' : 'DELETE', path)
  }

  async pin(id: string, seq: number, there: boolean): Promise<void> {
    await this.request(there ? 'PUT' : 'DELETE', `/v1/conversations/${id}/messages/${String(seq)}/pin`)
  }

  /** The page of replies of a thread just before a seq, as they are now. */
  async thread(id: string, root: number, before: number | null, limit: number): Promise<MessagePage> {
    const path = `/v1/conversations/${id}/messages/${String(root)}/thread`
    return messagesOf(await this.request<Raw>('GET', path, { query: { before_seq: before, limit } }))
  }

  /** Say messages of `source` again in `id`, each under the new id given. */
  async forward(id: string, source: string, messages: readonly { seq: number; client_msg_id: string }[]): Promise<void> {
    await this.request('POST', `/v1/conversations/${id}/forward`, { body: { source, messages } })
  }

  /** Change this user's own settings of a conversation. */
  async changeSettings(id: string, changes: Partial<MemberSettings>): Promise<void> {
    await this.request('PATCH', `/v1/conversations/${id}/me`, { body: changes })
  }

  /** Messages that contain all of these words, the newest first. */
  search(text: string, cursor: string | null): Promise<SearchPage> {
    return this.request('GET', '/v1/search', { query: { q: text, cursor } })
  }

  /** People of this name, handle, address or number, as far as they let themselves be found. */
  async findPeople(text: string): Promise<User[]> {
    const query = { q: text, limit: 10 }
    return (await this.request<{ people: User[] }>('GET', '/v1/people', { query })).people
  }

  /** One page of members. */
  memberPage(id: string, after: string | null): Promise<{ members: Member[]; next?: string | null }> {
    return this.request('GET', `/v1/conversations/${id}/members`, { query: { after, limit: PAGE } })
  }

  /** An uploaded file, as messages describe it. */
  fileInfo(id: string): Promise<Attachment> {
    return this.request('GET', `/v1/files/${id}/info`)
  }

  /** Where files can be had without a token, for some minutes; of those that one may see. */
  async fileLinks(ids: readonly string[]): Promise<FileLink[]> {
    const query = { ids: ids.join(',') }
    const { links } = await this.request<{ links: FileLink[] }>('GET', '/v1/file-links', { query })
    return links
  }

  /** Tell how far the user has got the conversation. */
  async delivered(id: string, seq: number): Promise<void> {
    const body = { delivered_seq: seq }
    await this.request('POST', `/v1/conversations/${id}/receipts`, { body })
  }

  /** One page of the conversations that moved since `cursor`. */
  async sync(cursor: string | null): Promise<SyncPage> {
    const page = await this.request<Raw>('GET', '/v1/sync', { query: { cursor, limit: PAGE } })
    return {
      cursor: String(page['cursor']),
      more: page['more'] === true,
      full: page['full'] === true,
      conversations: (page['conversations'] as Raw[]).map(conversationOf),
    }
  }
}

function messagesOf(raw: Raw): MessagePage {
  const messages = (raw['messages'] as Raw[]).map(presentOf)
  const next = raw['next']
  return { messages, head_seq: Number(raw['head_seq']), next: typeof next === 'number' ? next : null }
}

function presentOf(raw: Raw): PresentMessage {
  const defaults = {
    client_msg_id: '',
    reply_to: null,
    edited_at: null,
    reactions: [],
    attachments: [],
    thread: null,
    replies: 0,
    last_reply: null,
    mentions: [],
    mention_all: false,
    forwarded: null,
  }
  return { ...defaults, ...raw } as unknown as PresentMessage
}

function conversationOf(raw: Raw): Conversation {
  const defaults: Conversation = {
    id: '',
    kind: 'group',
    name: '',
    head_seq: 0,
    number: 0,
    first_seq: 1,
    role: 'member',
    delivered_seq: 0,
    read_seq: 0,
    unread: 0,
    member_count: 0,
    created_at: '',
    peer: null,
    state: 'member',
    mentions: 0,
    settings: settingsOf({}),
    topic: '',
    description: '',
    announcement: false,
  }
  const given = Object.fromEntries(Object.entries(raw).filter(([, value]) => value != null))
  return { ...defaults, ...given }
}
