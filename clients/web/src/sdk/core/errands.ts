// Changes of messages that this device has been asked for and the log does not show yet. Pure.
import type { LogEvent, Message, MessageChange } from '../types'
import { amended } from './transcript'

export type Deed =
  | { do: 'edit'; text: string; version: number }
  | { do: 'recall' | 'pin' | 'unpin' }
  | { do: 'react' | 'unreact'; emoji: string }

/** To be done to message `seq`, once there is a line. */
export interface Errand {
  id: string
  conversation: string
  seq: number
  deed: Deed
  /** Lower ones were asked for earlier; given by the tab that leads. */
  order: number
}

const KINDS = {
  edit: 'message_edited',
  recall: 'message_recalled',
  pin: 'message_pinned',
  unpin: 'message_unpinned',
  react: 'reaction_added',
  unreact: 'reaction_removed',
} as const

/** Whether an event is what an errand was for. */
export function fulfils(event: LogEvent, { conversation, seq, deed }: Errand): boolean {
  if (!('target' in event) || !event.mine || event.conversation !== conversation) return false
  if (event.target !== seq || event.event !== KINDS[deed.do]) return false
  return !('emoji' in event && 'emoji' in deed) || event.emoji === deed.emoji
}

/** A message as it will be when these errands of it are done. */
export function expected(message: Message, errands: readonly Errand[], me: string): Message {
  let shown = message
  for (const { deed, seq } of errands) {
    if (shown.recalled || isSo(shown, deed)) continue
    // Above what is known, and not a seq that anything is compared with later.
    const at = shown.as_of + 0.001
    const { conversation, number } = message
    const common = { conversation, seq: at, number, sender: me, mine: true, target: seq, time: new Date().toISOString() }
    shown = amended(shown, { ...common, ...changeOf(deed) } as MessageChange)
  }
  return shown
}

function changeOf(deed: Deed): object {
  const event = KINDS[deed.do]
  if (deed.do === 'edit') return { event, text: deed.text, version: deed.version + 1 }
  return 'emoji' in deed ? { event, emoji: deed.emoji } : { event }
}

function isSo(message: Message, deed: Deed): boolean {
  if (deed.do === 'pin' || deed.do === 'unpin') return message.pinned === (deed.do === 'pin')
  if (deed.do === 'edit') return message.text === deed.text
  if (!('emoji' in deed)) return false
  const mine = message.reactions.find((one) => one.emoji === deed.emoji)?.mine ?? false
  return mine === (deed.do === 'react')
}
