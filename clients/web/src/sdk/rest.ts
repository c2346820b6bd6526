// The REST interface `/v1`, typed. Every request here may be repeated, and is, for a while.
import { Backoff } from './core/backoff'
import { wireEvent } from './core/frames'
import { Refused, Unreachable } from './errors'
import type { TokenSource } from './tokens'
import type { Conversation, EventPage, Limits, Member, SyncPage, User } from './types'

const TIMEOUT_S = 20
const TRY_TIMEOUT_MS = 10_000
const PAGE = 100
const RETRY_STATUS = new Set([429, 502, 503, 504])

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE'
interface Request {
  query?: Record<string, string | number | null | undefined>
  body?: unknown
  headers?: Record<string, string>
}
type Raw = Record<string, unknown>

/** The calls. All reject with Refused, Unreachable or SignedOut. */
export class Api {
  constructor(
    private readonly origin: string,
    private readonly tokens: TokenSource,
  ) {}

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

  /** All members. */
  async members(id: string): Promise<Member[]> {
    const members: Member[] = []
    let after: string | null = null
    do {
      const page: { members: Member[]; next?: string | null } = await this.request(
        'GET',
        `/v1/conversations/${id}/members`,
        { query: { after, limit: PAGE } },
      )
      members.push(...page.members)
      after = page.next ?? null
    } while (after !== null)
    return members
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

  private async request<T>(method: Method, path: string, request: Request = {}): Promise<T> {
    const backoff = new Backoff(Math.random, 0.2, 5)
    const deadline = performance.now() / 1000 + TIMEOUT_S
    let rejected = ''
    for (;;) {
      const token = await this.tokens.accessToken(rejected)
      let error: Refused | Unreachable
      try {
        const answer = await this.attempt(method, path, request, token)
        if (answer.status === 204) return undefined as T
        if (answer.ok) return (await answer.json()) as T
        error = await problem(answer)
        if (answer.status === 401 && rejected === '') {
          rejected = token
          continue
        }
        if (!RETRY_STATUS.has(answer.status)) throw error
      } catch (caught) {
        if (caught instanceof Refused) throw caught
        error = new Unreachable(caught instanceof Error ? caught.message : String(caught))
      }
      const waitS = backoff.next() + (error instanceof Refused ? error.retryAfterMs / 1000 : 0)
      if (performance.now() / 1000 + waitS >= deadline || offline()) throw error
      await new Promise((resolve) => setTimeout(resolve, waitS * 1000))
    }
  }

  private attempt(method: Method, path: string, request: Request, token: string): Promise<Response> {
    const url = new URL(path, this.origin)
    for (const [name, value] of Object.entries(request.query ?? {})) {
      if (value !== null && value !== undefined) url.searchParams.set(name, String(value))
    }
    const headers: Record<string, string> = { ...request.headers, Authorization: `Bearer ${token}` }
    const body = request.body === undefined ? null : JSON.stringify(request.body)
    if (body !== null) headers['Content-Type'] = 'application/json'
    const signal = AbortSignal.timeout(TRY_TIMEOUT_MS)
    return fetch(url, { method, headers, body, signal, credentials: 'omit', cache: 'no-store' })
  }
}

/** Whether the browser knows that there is no network. */
function offline(): boolean {
  return typeof navigator !== 'undefined' && navigator.onLine === false
}

async function problem(answer: Response): Promise<Refused> {
  const told = (await answer.json().catch(() => ({}))) as Raw
  const code = typeof told['code'] === 'string' ? told['code'] : `http_${answer.status}`
  const detail = typeof told['detail'] === 'string' ? told['detail'] : answer.statusText
  const field = typeof told['field'] === 'string' ? told['field'] : ''
  return new Refused(code, detail, field, Number(told['retry_after_ms'] ?? 0), answer.status)
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
  }
  const given = Object.fromEntries(Object.entries(raw).filter(([, value]) => value != null))
  return { ...defaults, ...given }
}
