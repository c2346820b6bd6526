// What views may rely on. Each store is a Pinia store: `useX()` gives the reactive members below.
import type { Deed, FileLink, SendOptions } from '@/sdk'
import type { Account } from '@/sdk/account'
import type {
  Attachment, Conversation, ConnectionState, Limits, LogEvent, Member, MemberSettings, Message, Role, SearchHit, SearchPage, User,
} from '@/sdk/types'

export type { Attachment, Conversation, ConnectionState, Limits, LogEvent, Member, MemberSettings, Message, Role, SearchHit, SearchPage, User }

/** useSession(): who is signed in, and the line to the server. */
export interface SessionStore {
  /** `starting` until the cache was read and it is known whether somebody is signed in. */
  readonly state: 'starting' | 'signed_out' | 'signed_in'
  readonly me: User | null
  readonly limits: Limits
  readonly connection: Connection
  /** Leave this page for the sign-in (or register) page; comes back to `returnTo`. */
  signIn(options?: { register?: boolean; returnTo?: string }): Promise<void>
  /** Ends this device's session, forgets all cached data; in every tab. */
  signOut(): Promise<void>
  /** Where the person is signed in. */
  account(): Account
  /** Connect now instead of waiting for the next try. */
  retryNow(): void
}

export interface Connection {
  /** `offline`: the browser says that there is no network. */
  readonly state: 'connecting' | 'connected' | 'waiting' | 'offline' | 'closed'
  /** Of performance.now() or null: when the next try is due. */
  readonly retryAt: number | null
  readonly reason: string
  /** A sync is under way: what is shown may be old. */
  readonly syncing: boolean
}

/** useConversations() */
export interface ConversationsStore {
  /** Newest activity first; without the inbox and what was left. */
  readonly list: readonly ConversationItem[]
  /** False until the cache was read or the first sync has ended. */
  readonly ready: boolean
  /** Messages unread in all. */
  readonly unread: number
  get(id: string): ConversationItem | undefined
  /** The direct conversation with a user, made if there is none. */
  openDirect(user: string): Promise<ConversationItem>
  createGroup(name: string, users: readonly string[]): Promise<ConversationItem>
  rename(id: string, name: string): Promise<void>
  /** Rejects with code `conflict` for an owner who must hand over first. */
  leave(id: string): Promise<void>
  markAllRead(id: string): void
  isMuted(item: ConversationItem): boolean
  /** The place of the next one that is kept at the top. */
  nextPlace(): number
  /** Mute, pin, archive, mark unread … for oneself. */
  change(id: string, changes: Partial<MemberSettings>): Promise<void>
  /** Whether a message is worth a notification. */
  notifies(item: ConversationItem, message: Message): boolean
  /** The user has seen up to `seq` (call freely; never goes back). */
  markRead(id: string, seq: number): void
}

export interface ConversationItem extends Conversation {
  /** What to show: the group's name, or the other person's. */
  readonly title: string
  /** The newest event worth a preview (message or notice). */
  readonly last: LogEvent | null
  /** The own message that waits to be sent, newer than `last`, if any. */
  readonly pending: PendingMessage | null
  /** Time of the newest activity (RFC 3339), for sorting and showing. */
  readonly activeAt: string
}

export interface PendingMessage {
  readonly id: string
  readonly conversation: string
  readonly text: string
  /** The seq of the message that it answers. */
  readonly reply_to: number | null
  readonly thread: number | null
  readonly attachments: readonly Attachment[]
  readonly time: string
  /** `queued`: waits for a connection; `sending`: written, no answer yet; `failed`: refused. */
  readonly status: 'queued' | 'sending' | 'failed'
  /** Of a failed one: the error code, e.g. `forbidden`. */
  readonly code: string
}

/** One row of a conversation: an event, or an own message on its way. `key` stays the same when
 * a pending message becomes an event. */
export type Entry =
  | { readonly key: string; readonly type: 'event'; readonly event: LogEvent }
  | { readonly key: string; readonly type: 'pending'; readonly pending: PendingMessage }

/** useMessages() */
export interface MessagesStore {
  /** The window on a conversation's log; the same object until closed. Loads by itself. */
  open(conversation: string): Timeline
  close(conversation: string): void
  /** Queue a message: at once in the timeline, kept over reloads, delivered once. */
  send(conversation: string, text: string, options?: SendOptions): Promise<void>
  /** Edit, recall, pin or react: shown at once, kept over reloads, done when there is a line.
   * What the server refuses comes as useErrands().fault. */
  change(message: Message, deed: Deed): Promise<void>
  /** The seq of the first event at or after a time. */
  seqAt(conversation: string, at: Date): Promise<number>
  forward(message: Message, to: string, id: string): Promise<void>
  toggleReaction(message: Message, emoji: string): Promise<void>
  /** Try a failed message again, with the same id. */
  resend(id: string): Promise<void>
  /** Forget a failed message. */
  discard(id: string): Promise<void>
}

/** Reactive. Entries are ascending and without gaps; at most about 2,000 are held: paging up far
 * lets go of the newest (`atEnd` is then false) and the other way round. */
export interface Timeline {
  readonly conversation: string
  readonly entries: readonly Entry[]
  /** False until there is something to show or it is known that there is nothing. */
  readonly ready: boolean
  /** Nothing older exists. */
  readonly atStart: boolean
  /** The newest event is in `entries`, and further ones will be added by themselves. */
  readonly atEnd: boolean
  readonly loading: 'older' | 'newer' | 'jump' | null
  /** The last load failed (no connection, and not in the cache). */
  readonly failed: boolean
  /** read_seq at opening: the "new messages" line goes after this seq; stays until reopened. Higher
   * than any seq while it is not known. */
  readonly unreadAfter: number
  loadOlder(): Promise<void>
  loadNewer(): Promise<void>
  /** Show the surroundings of a seq. */
  jumpTo(seq: number): Promise<void>
  jumpToEnd(): Promise<void>
}

export type Delivery = 'sent' | 'delivered' | 'read'

/** useReceipts(): how far others have got. Loaded on `load`; live afterwards. */
export interface ReceiptsStore {
  load(conversation: string): Promise<void>
  /** Of an own message: `read` when everybody else has read it; in large groups always `sent`. */
  delivery(conversation: string, seq: number): Delivery
  /** Who else has read up to `seq`, for group receipts. */
  readBy(conversation: string, seq: number): readonly string[]
}

/** usePeople(): users by id, asked for in batches when first needed. */
export interface PeopleStore {
  /** Reactive: undefined until it is known. */
  get(id: string): User | undefined
  /** Display name, or handle, or the beginning of the id. */
  name(id: string): string
  /** By exact handle; null: nobody has it. */
  find(handle: string): Promise<User | null>
  /** People one has talked to (direct conversations), for pickers; by name. */
  readonly known: readonly User[]
}

/** usePresence() */
export interface PresenceStore {
  isOnline(user: string): boolean
  lastSeen(user: string): string | null
  /** The conversations on screen whose members' presence matters; replaces the former list. */
  show(conversations: readonly string[]): void
}

/** useTyping() */
export interface TypingStore {
  /** Users typing in a conversation, without oneself. */
  typists(conversation: string): readonly string[]
  /** Call on every key; sent at most every 4 s. */
  type(conversation: string): void
  /** The composer was emptied or left. */
  stop(conversation: string): void
}

/** useMembers() */
export interface MembersStore {
  of(conversation: string): MemberList
}

/** Reactive; loads when first asked for, follows the log afterwards. */
export interface MemberList {
  readonly members: readonly Member[]
  readonly loading: boolean
  readonly failed: boolean
  /** There are more than these. */
  readonly more: boolean
  reload(): Promise<void>
  loadMore(): Promise<void>
  add(users: readonly string[]): Promise<void>
  remove(user: string): Promise<void>
  setRole(user: string, role: 'admin' | 'member'): Promise<void>
  handOver(user: string): Promise<void>
}

/** useDrafts(): kept per conversation in this browser. */
export interface DraftsStore {
  get(conversation: string): string
  set(conversation: string, text: string): void
}

export type Theme = 'system' | 'light' | 'dark'
export type Language = 'auto' | 'en' | 'zh-Hans'

/** useSettings(): kept in this browser; assign to change. */
export interface SettingsStore {
  theme: Theme
  language: Language
  accent: string
  enterSends: boolean
  /** Desktop notifications, and whether they show what was said. */
  notifications: boolean
  notificationText: boolean
}

/** All actions that ask the server reject with this (see src/sdk/errors.ts: ApiError). */
export interface ActionError extends Error {
  /** An error code of docs/protocol.md, or `unreachable`, or `signed_out`. */
  readonly code: string
  readonly field: string
}

/** useQuotes(): messages that others answer. */
export interface QuotesStore {
  /** Reactive: undefined until it is known, null when there is none to be seen. */
  get(conversation: string, seq: number): Message | null | undefined
}

/** usePins(): pinned messages, the newest first. Loaded on `load`; live afterwards. */
export interface PinsStore {
  load(conversation: string): Promise<void>
  of(conversation: string): readonly Message[]
}

/** useComposing(): what a composer is about to do. `place`: a conversation, or one of its threads
 * (see placeOfThread). */
export interface ComposingStore {
  get(place: string): Composing
  reply(message: Message): void
  edit(message: Message): void
  /** Only write. */
  clear(place: string): void
}

export interface Composing {
  readonly replyTo: Message | null
  readonly editing: Message | null
}

/** useUploads(): files that are being added to a message. `place` names the composer. */
export interface UploadsStore {
  of(place: string): readonly UploadItem[]
  add(place: string, files: readonly File[]): { added: number; tooMany: boolean }
  /** Go on with a failed one. */
  retry(place: string, key: string): void
  remove(place: string, key: string): void
  take(place: string): Attachment[]
}

export interface UploadItem {
  readonly key: string
  readonly name: string
  readonly size: number
  readonly type: string
  /** A URL of the picture, or empty. */
  readonly preview: string
  /** 0 to 1. */
  readonly progress: number
  readonly state: 'uploading' | 'done' | 'failed'
  /** Of a failed one: the error code. */
  readonly code: string
  readonly file: Attachment | null
}

/** useFiles(): links to files, asked for in batches when first needed, good for some minutes. */
export interface FilesStore {
  /** Reactive: undefined until it is known. */
  get(id: string): FileLink | undefined
  /** For a click: a link that is good now. */
  fresh(id: string): Promise<FileLink | undefined>
}

/** useSearch() */
export interface SearchStore {
  people(text: string): Promise<User[]>
  messages(text: string, cursor: string | null): Promise<SearchPage>
}

/** useThreads(): what is said under a message. */
export interface ThreadsStore {
  open(conversation: string, root: number): Thread
  close(thread: Thread): void
}

/** Reactive; follows the log until closed. */
export interface Thread {
  readonly conversation: string
  /** The seq of the message that it begins with. */
  readonly root: number
  readonly replies: readonly Message[]
  readonly atStart: boolean
  readonly loading: boolean
  readonly failed: boolean
  loadOlder(): Promise<void>
}
