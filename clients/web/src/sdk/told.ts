// What the tab that leads tells every tab (itself included), and what tabs ask of it. Plain data:
// it crosses from tab to tab.
import { ClientError, Refused, SignedOut, Unreachable } from './errors'
import type { Errand } from './core/errands'
import type { Queued, Record } from './records'
import type { ConnectionState, LogEvent, Message, Presence, Receipt, Typing, User } from './types'

/** Changes, after they were kept. */
export interface Told {
  records: Record[]
  forgotten: string[]
  /** Logs that begin anew: what was shown of them is no longer joined to what comes. */
  emptied: string[]
  events: LogEvent[]
  queued: Queued[]
  unqueued: string[]
  people: User[]
  /** Messages as they are now, in place of what is known of them. */
  amended: Message[]
  errands: Errand[]
  /** Ids of errands that are done, or will not be. */
  undone: string[]
  faults: { errand: Errand; code: string }[]
  news: (Receipt | Presence | Typing)[]
}

/** The present state of session and line. */
export interface Status {
  /** `unknown` until the server has answered. */
  signedIn: 'unknown' | 'in' | 'out'
  user: User | null
  connection: ConnectionState['state']
  reason: string
  /** Of Date.now(), or null. */
  retryAt: number | null
  syncing: boolean
}

/** A page of a log. `complete`: nothing older (or newer, if that was asked for) exists. */
export interface HistoryPage {
  events: LogEvent[]
  complete: boolean
}

export type HistoryRange = { before: number; limit: number } | { after: number; limit: number }

/** What tabs ask of the one that leads. */
export interface Commands {
  send(message: Queued): Promise<void>
  resend(id: string): Promise<void>
  discard(id: string): Promise<void>
  read(conversation: string, seq: number, number: number): Promise<void>
  typing(conversation: string, active: boolean): Promise<void>
  watch(tab: string, conversations: string[]): Promise<void>
  token(rejected: string): Promise<string>
  retry(): Promise<void>
  sync(): Promise<void>
  history(conversation: string, range: HistoryRange): Promise<HistoryPage>
  people(ids: string[]): Promise<User[]>
  ask(errand: Errand): Promise<void>
  message(conversation: string, seq: number): Promise<Message | null>
  pins(conversation: string): Promise<Message[]>
  signOut(): Promise<void>
}

export interface Fault {
  code: string
  message: string
  field: string
}

/** An error as data. */
export function faultOf(error: unknown): Fault {
  if (error instanceof ClientError) {
    return { code: error.code, message: error.message, field: error.field }
  }
  return { code: 'internal', message: String(error), field: '' }
}

/** And back. */
export function errorOf({ code, message, field }: Fault): ClientError {
  if (code === 'unreachable') return new Unreachable(message)
  if (code === 'signed_out') return new SignedOut(message)
  return new Refused(code, message, field)
}
