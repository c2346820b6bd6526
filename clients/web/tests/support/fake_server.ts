// A small AgileIM in memory, behind `fetch` and `WebSocket`. It keeps the promises of
// docs/protocol.md that clients build on: seqs without gaps, retries with the same id once.
import { vi } from 'vitest'
import type { Conversation, WireEvent } from '@/sdk/types'
import { BOB, ME, conversation, wire } from './events'

interface Frame {
  type: string
  [name: string]: unknown
}

/** One socket, as both sides see it. */
export class FakeSocket {
  static readonly OPEN = 1
  readyState = 0
  onopen: (() => void) | null = null
  onmessage: ((event: { data: string }) => void) | null = null
  onclose: ((event: { code: number }) => void) | null = null

  constructor(readonly url: string) {
    setTimeout(() => FakeServer.now.opening(this))
  }

  send(text: string): void {
    FakeServer.now.receive(this, JSON.parse(text) as Frame)
  }

  close(): void {
    this.readyState = 3
    FakeServer.now.sockets.delete(this)
  }

  /** From the server. */
  push(frame: Frame): void {
    setTimeout(() => this.onmessage?.({ data: JSON.stringify(frame) }))
  }
}

export class FakeServer {
  static now: FakeServer
  /** Nothing gets through. */
  down = false
  /** The next messages are stored, but their answers get lost with the line. */
  swallowSent = 0
  user = ME
  revoked = false
  full = false
  refuseEdits = false
  readonly logs = new Map<string, WireEvent[]>()
  readonly sockets = new Set<FakeSocket>()
  /** Of messages as they are now: what differs from their events, by conversation and seq. */
  readonly present = new Map<string, Record<string, unknown>>()
  readonly frames: Frame[] = []
  readonly requests: string[] = []
  private readonly sends = new Map<string, WireEvent>()

  constructor() {
    FakeServer.now = this
    vi.stubGlobal('WebSocket', FakeSocket)
    vi.stubGlobal('fetch', (url: URL, init: RequestInit) => this.answer(url, init))
  }

  /** A conversation with so many messages. */
  make(id: string, messages: number): void {
    this.logs.set(id, Array.from({ length: messages }, (_, at) => wire(id, at + 1)))
  }

  /** Somebody writes. */
  say(id: string, text: string, fields: Partial<WireEvent> = {}): WireEvent {
    const log = this.logs.get(id) ?? []
    this.logs.set(id, log)
    const event = wire(id, log.length + 1, { body: { text }, ...fields })
    log.push(event)
    return event
  }

  /** Something becomes of a message; all who are connected hear it. */
  changeLive(id: string, kind: string, body: Record<string, unknown>, sender = BOB): WireEvent {
    const event = this.say(id, '', { kind, body, sender, number: 0 })
    for (const socket of this.sockets) socket.push({ ...event, type: 'event' })
    return event
  }

  /** …and all who are connected hear it. */
  sayLive(id: string, text: string): void {
    const event = this.say(id, text)
    for (const socket of this.sockets) socket.push({ ...event, type: 'event' })
  }

  texts(id: string): unknown[] {
    return (this.logs.get(id) ?? []).map((event) => event.body['text'])
  }

  /** The line breaks, with this close code. */
  cut(code = 1006): void {
    for (const socket of [...this.sockets]) {
      this.sockets.delete(socket)
      socket.readyState = 3
      socket.onclose?.({ code })
    }
  }

  opening(socket: FakeSocket): void {
    if (this.down) {
      socket.readyState = 3
      socket.onclose?.({ code: 1006 })
      return
    }
    socket.readyState = 1
    this.sockets.add(socket)
    socket.onopen?.()
  }

  receive(socket: FakeSocket, frame: Frame): void {
    if (this.down) return
    this.frames.push(frame)
    if (frame.type === 'hello') {
      socket.push({ type: 'welcome', user: this.user, heartbeat_s: 25 })
    } else if (frame.type === 'send') {
      const id = String(frame['id'])
      const repeat = this.sends.get(id)
      const { text } = frame['body'] as { text: string }
      const mine = { sender: this.user, client_msg_id: id }
      const event = repeat ?? this.say(String(frame['conversation']), text, mine)
      this.sends.set(id, event)
      if (this.swallowSent > 0) {
        this.swallowSent -= 1
        setTimeout(() => this.cut())
        return
      }
      const { conversation: name, seq, number, time } = event
      socket.push({
        type: 'sent',
        id,
        conversation: name,
        seq,
        number,
        time,
        repeat: repeat !== undefined,
      })
    }
  }

  private answer(url: URL, init: RequestInit): Promise<Response> {
    if (this.down) return Promise.reject(new TypeError('Failed to fetch'))
    this.requests.push(`${init.method} ${url.pathname}${url.search}`)
    return Promise.resolve(init.method === 'GET' ? this.body(url) : this.deed(url, init))
  }

  private deed(url: URL, init: RequestInit): Response {
    const [, , , id = '', part, seq, what, emoji] = url.pathname.split('/').map(decodeURIComponent)
    if (part !== 'messages') return Response.json({})
    const there = init.method === 'PUT'
    if (what === 'reactions') {
      const body = { seq: Number(seq), emoji }
      this.changeLive(id, there ? 'reaction_added' : 'reaction_removed', body, this.user)
    } else if (init.method === 'PATCH') {
      if (this.refuseEdits) return Response.json({ code: 'stale' }, { status: 412 })
      const { text } = JSON.parse(String(init.body)) as { text: string }
      this.changeLive(id, 'message_edited', { seq: Number(seq), version: 2, text }, this.user)
    }
    return new Response(null, { status: 204 })
  }

  private body(url: URL): Response {
    const [, , noun, id, part] = url.pathname.split('/')
    if (noun === 'me') {
      return Response.json({ id: this.user, handle: 'me', display_name: 'Me' })
    }
    if (noun === 'users') {
      const ids = (url.searchParams.get('ids') ?? '').split(',')
      return Response.json({ users: ids.map((one) => ({ id: one, handle: one, display_name: '' })) })
    }
    if (noun === 'sync') {
      const conversations = [...this.logs.keys()].map((name) => this.shown(name))
      const full = this.full || !url.searchParams.has('cursor')
      return Response.json({ cursor: 'k', more: false, full, conversations })
    }
    if (part === 'messages') return Response.json(this.messages(id ?? '', url.searchParams))
    if (part === 'events') return Response.json(this.page(id ?? '', url.searchParams))
    return Response.json({})
  }

  private page(id: string, query: URLSearchParams): unknown {
    const log = this.logs.get(id) ?? []
    const limit = Number(query.get('limit'))
    const before = query.get('before_seq')
    const after = Number(query.get('after_seq'))
    const events =
      before === null
        ? log.slice(after, after + limit)
        : log.slice(Math.max(0, Number(before) - 1 - limit), Number(before) - 1)
    return { events, head_seq: log.length, first_seq: 1 }
  }

  private messages(id: string, query: URLSearchParams): unknown {
    const log = this.logs.get(id) ?? []
    const before = Number(query.get('before_seq'))
    const all = log.filter(({ seq, kind }) => kind === 'message' && seq < before)
    const messages = all.slice(-Number(query.get('limit'))).map((event) => ({
      ...{ seq: event.seq, sender: event.sender, time: event.time, number: event.number },
      ...{ text: event.body['text'], version: 1, recalled: false, pinned: false, reactions: [] },
      ...this.present.get(`${id} ${String(event.seq)}`),
    }))
    const first = messages[0]?.seq ?? 0
    return { messages, head_seq: log.length, first_seq: 1, next: first > 1 ? first : null }
  }

  private shown(name: string): Conversation {
    const head = this.logs.get(name)?.length ?? 0
    const peer = { id: BOB, handle: 'bob', display_name: 'Bob' }
    return conversation(name, { head_seq: head, number: head, read_seq: head, peer, kind: 'direct' })
  }
}
