// What the session asks the shell to do. Data only, so that tests can compare it.
import type { ClientError } from '../errors'
import type { ClientEvent, Refusal, Sent } from '../types'
import type { ClientFrame } from './frames'
import type { Fetch } from './logs'

export type Effect =
  /** Write a frame to the socket. */
  | { do: 'write'; frame: ClientFrame }
  /** Hand an event to the program. */
  | { do: 'emit'; event: ClientEvent }
  /** Ask for a range of a log. */
  | { do: 'fetch'; fetch: Fetch }
  /** Ask for the conversations that moved since `cursor` (null: all). */
  | { do: 'sync'; cursor: string | null }
  /** Get a token newer than the one in use, then call `Session.token`. */
  | { do: 'new_token' }
  /** Close the connection; `Session.closed` follows with code 1006. */
  | { do: 'drop'; reason: string }
  /** Connect again after this time, with a newer token if so asked. */
  | { do: 'wait'; delayS: number; newToken: boolean; reason: string }
  /** Do not connect again. */
  | { do: 'stop'; error: ClientError }
  /** The answer to a send. */
  | { do: 'sent'; id: string; sent: Sent }
  | { do: 'refused'; id: string; refusal: Refusal }
  /** Remember a sync: its cursor (null: as it was), new positions, heads, conversations left. */
  | { do: 'save'; save: Save }
  /** Tell the server that events up to `seq` have arrived (those that no `ack` counts). */
  | { do: 'delivered'; conversation: string; seq: number }

export interface Save {
  cursor: string | null
  placed: Map<string, number>
  heads: Map<string, number>
  left: string[]
}
