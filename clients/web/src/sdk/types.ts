// What the SDK speaks of. Names of members are those of the wire; ids are UUID text, times are
// RFC 3339 text in UTC, seqs count from 1.
import type { components as frameDocument } from './generated/frames'
import type { components as restDocument } from './generated/rest'

type Rest = restDocument['schemas']
type Wire = frameDocument['schemas']

export type User = Rest['User']
export type Member = Rest['Member']
export type Limits = Rest['Limits']
export type Role = NonNullable<Rest['Conversation']['role']>
export type ConversationKind = NonNullable<Rest['Conversation']['kind']>
export type ErrorCode = Wire['ErrorCode']

/** A conversation as this user sees it; of one that was `left`, only the id is certain. */
export interface Conversation {
  id: string
  kind: ConversationKind
  name: string
  head_seq: number
  number: number
  first_seq: number
  role: Role
  delivered_seq: number
  read_seq: number
  unread: number
  member_count: number
  created_at: string
  /** Unread messages that mention this user. */
  mentions: number
  settings: MemberSettings
  topic: string
  description: string
  /** Only owner and admins may write. */
  announcement: boolean
  /** The other one of a direct conversation. */
  peer: User | null
  state: 'member' | 'left'
}

/** An event of a log as it is on the wire and in the cache. */
export interface WireEvent {
  conversation: string
  seq: number
  kind: string
  sender: string
  time: string
  /** Messages so far, this one included. */
  number: number
  body: Record<string, unknown>
  client_msg_id: string
}

/** A range of a log, ascending. */
export interface EventPage {
  events: WireEvent[]
  head_seq: number
  first_seq: number
}

/** Messages as they are now: as of event `head_seq`, ascending. `next`: the `before` of the page
 * before this one, null when there is none. */
export interface MessagePage {
  messages: PresentMessage[]
  head_seq: number
  next: number | null
}

export interface PresentMessage extends Present {
  seq: number
  sender: string
  time: string
  number: number
  client_msg_id: string
}

/** A message that was found; `highlights` are [start, end) in code points of the text. */
export interface SearchHit {
  conversation: string
  seq: number
  sender: string
  time: string
  text: string
  highlights: [start: number, end: number][]
}

export interface SearchPage {
  hits: SearchHit[]
  next: string | null
}

/** Conversations that moved since a cursor. */
export interface SyncPage {
  cursor: string
  more: boolean
  full: boolean
  conversations: Conversation[]
}

/** A stored message: event `seq`. `repeat`: an earlier try had stored it. */
export interface Sent {
  conversation: string
  seq: number
  number: number
  time: string
  repeat: boolean
  client_msg_id: string
}

/** Why a message was not stored. */
export interface Refusal {
  code: string
  message: string
  field: string
}

// --- what a program is told -----------------------------------------------------------------

interface Logged {
  conversation: string
  seq: number
  sender: string
  time: string
  number: number
  /** This user caused it, on whichever device. */
  mine: boolean
}

/** One emoji on a message; `users` are the first who reacted with it. */
export interface Reaction {
  emoji: string
  count: number
  mine: boolean
  users: readonly string[]
}

/** A file that a message carries. `type` is by content; sizes are bytes and pixels. */
export interface Attachment {
  id: string
  name: string
  type: string
  size: number
  width?: number
  height?: number
  thumbnail?: boolean
  /** A data: URL of a few pixels. */
  placeholder?: string
}

/** Where a forwarded message comes from. */
export interface Forwarded {
  conversation: string
  seq: number
  sender: string
  time: string
}

/** How this user has set a conversation up for themselves. */
export interface MemberSettings {
  version: number
  muted_until: string | null
  notify: 'all' | 'mentions' | 'none'
  /** Place among those at the top, the lowest first; null: not there. */
  pinned: number | null
  archived: boolean
  hidden: boolean
  marked_unread: boolean
}

/** What of a message may change after it was sent. */
export interface Present {
  attachments: readonly Attachment[]
  /** The seq of the message that its thread begins with. */
  thread: number | null
  /** Of the thread that it begins. */
  replies: number
  last_reply: number | null
  mentions: readonly string[]
  mention_all: boolean
  forwarded: Forwarded | null
  text: string
  reply_to: number | null
  /** 1 unless it was edited. */
  version: number
  edited_at: string | null
  recalled: boolean
  pinned: boolean
  reactions: readonly Reaction[]
}

/** `as_of`: the event up to which what may change is known; later ones are not applied yet. */
export interface Message extends Logged, Present {
  event: 'message'
  client_msg_id: string
  as_of: number
}
/** `text` is null where the event does not tell it: ask for the message. */
export interface MessageEdited extends Logged {
  event: 'message_edited'
  target: number
  version: number
  text: string | null
  mentions: readonly string[]
  mention_all: boolean
}
export interface MessageMarked extends Logged {
  event: 'message_recalled' | 'message_pinned' | 'message_unpinned'
  target: number
}
export interface Reacted extends Logged {
  event: 'reaction_added' | 'reaction_removed'
  target: number
  emoji: string
}
/** Events about a message that was there before. */
export type MessageChange = MessageEdited | MessageMarked | Reacted
export interface ConversationCreated extends Logged {
  event: 'conversation_created'
  kind: string
  name: string
  members: string[]
}
export interface ConversationRenamed extends Logged {
  event: 'conversation_renamed'
  name: string
}
export interface MembersAdded extends Logged {
  event: 'members_added'
  users: string[]
}
export interface MemberGone extends Logged {
  event: 'member_removed' | 'member_left'
  user: string
}
export interface RoleChanged extends Logged {
  event: 'role_changed'
  user: string
  role: string
}
/** In the user's inbox: `by` made this user a member of `added`. */
export interface ConversationAdded extends Logged {
  event: 'conversation_added'
  added: string
  by: string
}
/** In the user's inbox: this user is no longer a member of `removed`. */
export interface ConversationRemoved extends Logged {
  event: 'conversation_removed'
  removed: string
  by: string
}
/** In the user's inbox: their settings of conversation `about` as they are now. */
export interface SettingsChanged extends Logged {
  event: 'conversation_settings'
  about: string
  settings: MemberSettings
}
/** Of a kind that this version does not know. */
export interface OtherEvent extends Logged {
  event: 'other'
  kind: string
  body: Record<string, unknown>
}

/** Numbered events: each comes once, in order of `seq`, without a gap. */
export type LogEvent =
  | Message
  | MessageChange
  | ConversationCreated
  | ConversationRenamed
  | MembersAdded
  | MemberGone
  | RoleChanged
  | ConversationAdded
  | ConversationRemoved
  | SettingsChanged
  | OtherEvent

/** `user` has got and read the conversation up to these seqs. */
export interface Receipt {
  event: 'receipt'
  conversation: string
  user: string
  delivered: number
  read: number
}
export interface Presence {
  event: 'presence'
  conversation: string
  user: string
  online: boolean
  last_seen: string | null
}
export interface Typing {
  event: 'typing'
  conversation: string
  user: string
  active: boolean
}
/** Somebody is called otherwise now. */
export interface PersonChanged {
  event: 'person'
  user: string
  display_name: string
}
/** A sync found this conversation changed: unread count, name, role, or left. */
export interface ConversationChanged {
  event: 'conversation_changed'
  conversation: Conversation
}
/** `retry_in_s`: until the next try, while waiting. */
export interface ConnectionState {
  event: 'connection'
  state: 'connecting' | 'connected' | 'waiting' | 'closed'
  retry_in_s: number
  reason: string
}

/** News of a moment: the newest per subject counts, and they are never replayed. */
export type News = Receipt | Presence | Typing | PersonChanged | ConversationChanged | ConnectionState
export type ClientEvent = LogEvent | News
