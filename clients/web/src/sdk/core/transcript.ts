// What messages are now: their events, amended by later ones. Pure.
//
// tests/frames/transcripts runs this and the Python SDK's Transcript.
import type { LogEvent, Message, MessageChange, PresentMessage, Reaction } from '../types'

/** Whether an event is about a message that was there before. */
export function isChange(event: LogEvent): event is MessageChange {
  return 'target' in event
}

/** A message after an event about it; the same object if that changes nothing. Events up to
 * `as_of` are in it already. */
export function amended(message: Message, change: MessageChange): Message {
  if (change.target !== message.seq || change.conversation !== message.conversation) return message
  if (message.recalled || change.seq <= message.as_of) return message
  const next = { ...message, as_of: change.seq }
  switch (change.event) {
    case 'message_edited':
      next.version = change.version
      next.edited_at = change.time
      if (change.text === null) return next
      return { ...next, text: change.text, mentions: change.mentions, mention_all: change.mention_all }
    case 'message_recalled':
      return recalled(next)
    case 'message_pinned':
    case 'message_unpinned':
      return { ...next, pinned: change.event === 'message_pinned' }
    case 'reaction_added':
    case 'reaction_removed':
      return { ...next, reactions: reacted(next.reactions, change) }
  }
}

/** A message after a reply in the thread that it begins; the same object if it is none of that. */
export function answered(message: Message, reply: LogEvent): Message {
  if (reply.event !== 'message' || reply.thread !== message.seq) return message
  if (reply.conversation !== message.conversation || reply.seq <= message.as_of) return message
  return { ...message, replies: message.replies + 1, last_reply: reply.seq, as_of: reply.seq }
}

/** Whether a change leaves a message of which the text has to be asked for. */
export function outdates(message: Message, change: MessageChange): boolean {
  return change.event === 'message_edited' && change.text === null && !message.recalled
}

/** A message as the server tells it, as of event `head`. */
export function fromPresent(conversation: string, shown: PresentMessage, head: number, me: string): Message {
  return { event: 'message', conversation, mine: shown.sender === me, as_of: head, ...shown }
}

function recalled(message: Message): Message {
  const gone = { text: '', reply_to: null, version: 1, edited_at: null, pinned: false }
  const alone = { attachments: [], mentions: [], mention_all: false, forwarded: null }
  return { ...message, ...gone, ...alone, recalled: true, reactions: [] }
}

/** Who reacted beyond the first few is counted only. */
function reacted(
  reactions: readonly Reaction[],
  change: { event: string; emoji: string; sender: string; mine: boolean },
): Reaction[] {
  const there = change.event === 'reaction_added'
  const old = reactions.find((one) => one.emoji === change.emoji)
  const users = (old?.users ?? []).filter((user) => user !== change.sender)
  const next: Reaction = {
    emoji: change.emoji,
    count: (old?.count ?? 0) + (there ? 1 : -1),
    mine: change.mine ? there : (old?.mine ?? false),
    users: there ? [...users, change.sender] : users,
  }
  const all = old === undefined ? [...reactions, next] : reactions.map((one) => (one === old ? next : one))
  return all.filter((one) => one.count > 0)
}
