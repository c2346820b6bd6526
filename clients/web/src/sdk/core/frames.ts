// The WebSocket frames of `agileim.v1` as this client reads and writes them.
//
// Reading is tolerant: fields that are not known are ignored, a frame whose type is not known (or
// that does not have the shape of its type) is skipped. A skipped `event` shows as a gap and is
// fetched.
import type { components } from '../generated/frames'
import type { WireEvent } from '../types'

type Wire = components['schemas']

export const SUBPROTOCOL = 'agileim.v1'

export type ClientFrame =
  | { type: 'hello'; token: string; agent: string }
  | { type: 'hello'; ticket: string; agent: string }
  | { type: 'refresh'; token: string }
  | { type: 'send'; id: string; conversation: string; body: object }
  | { type: 'ack'; n: number }
  | { type: 'read'; conversation: string; seq: number }
  | { type: 'typing'; conversation: string; active?: false }
  | { type: 'watch'; conversations: string[] }
  | { type: 'pong' }

export type WelcomeFrame = Wire['Welcome']
export type SentFrame = Wire['Sent']
export type RefusedFrame = Wire['Refused']
export type EventFrame = WireEvent & { type: 'event' }
export type ReceiptFrame = Wire['Receipt']
export type TypingFrame = Wire['Typing'] & { user: string }
export interface PresenceFrame {
  type: 'presence'
  conversation: string
  users: { user: string; state: 'online' | 'away' | 'offline'; last_seen: string | null }[]
  full: boolean
}

export interface PersonFrame {
  type: 'person'
  user: string
  display_name: string
}

export type ServerFrame =
  | WelcomeFrame
  | SentFrame
  | RefusedFrame
  | EventFrame
  | ReceiptFrame
  | TypingFrame
  | PresenceFrame
  | PersonFrame
  | { type: 'refreshed' | 'expiring' | 'error' }
  | { type: 'ping'; heads: [conversation: string, seq: number][] }
  | { type: 'resync'; within_ms: number }
  | { type: 'reconnect'; after_ms: number }

type Raw = Record<string, unknown>
type Check = (value: unknown) => boolean

const text: Check = (value) => typeof value === 'string'
const count: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0
const flag: Check = (value) => typeof value === 'boolean'
const number: Check = (value) => typeof value === 'number' && Number.isFinite(value)
const record: Check = (value) =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const head: Check = (value) =>
  Array.isArray(value) && value.length >= 2 && text(value[0]) && count(value[1])
const present: Check = (value) => {
  if (!record(value)) return false
  const { user, state, last_seen: lastSeen } = value as Raw
  return text(user) && (state === 'online' || state === 'away' || state === 'offline') && (lastSeen == null || text(lastSeen))
}

/** Per type its members: how to tell a good one, and what counts when it is left out. */
const SHAPES: Readonly<Record<string, Record<string, [check: Check, fallback?: unknown]>>> = {
  welcome: { user: [text], connection: [text, ''], session: [text, ''], heartbeat_s: [number, 25] },
  refreshed: {},
  expiring: {},
  sent: {
    id: [text],
    conversation: [text],
    seq: [count],
    number: [count],
    time: [text],
    repeat: [flag, false],
  },
  refused: {
    id: [text],
    code: [text],
    message: [text, ''],
    field: [text, ''],
    retry_after_ms: [number, 0],
  },
  error: { code: [text] },
  event: {
    conversation: [text],
    seq: [count],
    kind: [text],
    sender: [text],
    time: [text],
    number: [count, 0],
    body: [record, {}],
    client_msg_id: [text, ''],
  },
  receipt: { conversation: [text], user: [text], delivered: [count, 0], read: [count, 0] },
  typing: { conversation: [text], active: [flag, true], user: [text, ''] },
  presence: {
    conversation: [text],
    users: [(value) => Array.isArray(value) && value.every(present), []],
    full: [flag, false],
  },
  person: { user: [text], display_name: [text] },
  ping: { heads: [(value) => Array.isArray(value) && value.every(head), []] },
  resync: { within_ms: [number, 0] },
  reconnect: { after_ms: [number, 0] },
}

/** The frame's JSON text. */
export function encode(frame: ClientFrame): string {
  return JSON.stringify(frame)
}

/** Read a frame; null for one that this client does not understand. */
export function decode(data: string): ServerFrame | null {
  let raw: unknown
  try {
    raw = JSON.parse(data)
  } catch {
    return null
  }
  return record(raw) ? shaped(raw as Raw) : null
}

/** An event as REST answers it (without `type`); null if it has not the shape of one. */
export function wireEvent(raw: Raw): WireEvent | null {
  const frame = shaped({ ...raw, type: 'event' })
  if (frame?.type !== 'event') return null
  const { conversation, seq, kind, sender, time, number, body, client_msg_id } = frame as EventFrame
  return { conversation, seq, kind, sender, time, number, body, client_msg_id }
}

function shaped(raw: Raw): ServerFrame | null {
  const type = raw['type']
  if (typeof type !== 'string' || !Object.hasOwn(SHAPES, type)) return null
  const frame: Raw = { type }
  for (const [name, [check, fallback]] of Object.entries(SHAPES[type] ?? {})) {
    const value = raw[name] ?? fallback
    if (!check(value)) return null
    frame[name] = value
  }
  return frame as unknown as ServerFrame
}
