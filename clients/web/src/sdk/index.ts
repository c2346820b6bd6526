// AgileIM for browsers. Nothing here needs Vue.
export { Chat, type ChatListener } from './chat'
export { ClientError, ProtocolError, Refused, SessionRevoked, SignedOut, Unreachable } from './errors'
export { Session, type SessionOptions } from './core/session'
export type { HistoryPage, HistoryRange, Status, Told } from './told'
export { unreadOf, type Queued, type Record } from './records'
export { Api } from './rest'
export type { TokenSource } from './tokens'
export type * from './types'
