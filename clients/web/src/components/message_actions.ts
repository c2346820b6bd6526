// What can be done with a message: from its menu, its toolbar and the keyboard.
import { useSay, type Key } from '@/locales'
import { useComposing, useConversations, useErrands, useMessages, type Message } from '@/stores'
import { watch } from 'vue'
import type { IconName } from './AppIcon.vue'
import { ask, emojiPicker, forwarding, messageMenu, note, openThread, type Place } from './overlays'

export const QUICK_REACTIONS = ['👍', '❤️', '😂', '🎉', '😮', '🙏'] as const

const RECALL_S = 86_400 // until the limits are known

export interface Action {
  name: Key
  icon: IconName
  /** The key that does it while the message has the focus. */
  key: string
  danger?: boolean
  run: () => void
}

export function useMessageActions() {
  const say = useSay()
  const messages = useMessages()
  const composing = useComposing()
  const conversations = useConversations()

  async function attempt(what: Promise<unknown>): Promise<void> {
    await what.catch((error: unknown) => note(say.value.error(error)))
  }

  function react(message: Message, emoji: string): void {
    void attempt(messages.toggleReaction(message, emoji))
  }

  function pickReaction(message: Message, place: Place): void {
    emojiPicker.value = { place, pick: (emoji) => react(message, emoji) }
  }

  function openMenu(message: Message, place: Place): void {
    messageMenu.value = { message, place }
  }

  async function copy(message: Message): Promise<void> {
    await attempt(navigator.clipboard.writeText(message.text).then(() => note(say.value.t('copied'))))
  }

  async function recall(message: Message): Promise<void> {
    const sure = await ask({
      title: say.value.t('confirm_recall'),
      text: say.value.t('confirm_recall_text'),
      action: say.value.t('recall'),
      danger: true,
    })
    if (sure) await attempt(messages.change(message, { do: 'recall' }))
  }

  function mayEdit(message: Message): boolean {
    return message.mine && !message.recalled
  }

  function mayRecall(message: Message): boolean {
    if (message.recalled) return false
    const role = conversations.get(message.conversation)?.role
    const kind = conversations.get(message.conversation)?.kind
    if (kind === 'group' && (role === 'owner' || role === 'admin')) return true
    const age = Date.now() - Date.parse(message.time)
    return message.mine && age < (RECALL_S) * 1000
  }

  /** In the order of the menu. */
  function actionsOf(message: Message, place: Place): Action[] {
    if (message.recalled) return []
    const all: (Action | false)[] = [
      { name: 'reply', icon: 'reply', key: 'r', run: () => composing.reply(message) },
      message.thread === null && {
        name: 'reply_thread',
        icon: 'thread',
        key: 't',
        run: () => void (openThread.value = { conversation: message.conversation, root: message.seq }),
      },
      { name: 'react', icon: 'smile', key: '+', run: () => pickReaction(message, place) },
      mayEdit(message) && { name: 'edit', icon: 'edit', key: 'e', run: () => composing.edit(message) },
      message.text !== '' && { name: 'copy', icon: 'copy', key: 'c', run: () => void copy(message) },
      { name: 'forward', icon: 'forward', key: 'f', run: () => void (forwarding.value = message) },
      {
        name: message.pinned ? 'unpin' : 'pin',
        icon: 'pin',
        key: 'p',
        run: () => void attempt(messages.change(message, { do: message.pinned ? 'unpin' : 'pin' })),
      },
      mayRecall(message) && { name: 'recall', icon: 'trash', key: 'Delete', danger: true, run: () => void recall(message) },
    ]
    return all.filter((one) => one !== false)
  }

  return { actionsOf, openMenu, pickReaction, react, mayEdit }
}

/** Says so when the server refuses a change; call once. */
export function followFaults(): void {
  const say = useSay()
  const errands = useErrands()
  watch(
    () => errands.fault,
    (fault) => {
      if (fault !== null) note(say.value.t('change_failed', { why: say.value.error({ code: fault.code }) }))
    },
  )
}
