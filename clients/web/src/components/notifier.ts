// Tells a person who looks elsewhere: notifications of the desktop, counts on title, favicon and
// the installed app.
import { ref, watch, watchEffect } from 'vue'
import { useSay } from '@/locales'
import { useConversations, useNews, usePeople, useSession, useSettings, type Message } from '@/stores'
import { followFocus } from './focus'
import { plainOf } from './markdown'

const SHOWN_MAX = 300

/** What the browser lets us do; changes when the person answers. */
export const permission = ref<NotificationPermission | 'unsupported'>(
  'Notification' in globalThis ? Notification.permission : 'unsupported',
)

/** Ask for the permission; whether we have it. */
export async function askToNotify(): Promise<boolean> {
  if (permission.value === 'unsupported') return false
  permission.value = await Notification.requestPermission()
  return permission.value === 'granted'
}

/** Call once, in a component. */
export function followNews(open: (conversation: string) => void): void {
  const news = useNews()
  const settings = useSettings()
  const conversations = useConversations()
  const people = usePeople()
  const say = useSay()
  const looking = followFocus()

  watch(() => news.messages, (messages) => {
    if (!settings.notifications || permission.value !== 'granted' || looking()) return
    for (const message of messages) void show(message)
  })

  async function show(message: Message): Promise<void> {
    const item = conversations.get(message.conversation)
    if (item === undefined || item.kind === 'inbox' || !conversations.notifies(item, message)) return
    const name = people.name(message.sender)
    const text = plainOf(message.text.slice(0, SHOWN_MAX)) || say.value.t('message')
    const body = settings.notificationText ? text : say.value.t('new_message')
    const options = {
      body: item.kind === 'group' && settings.notificationText ? say.value.t('said', { name, text: body }) : body,
      tag: message.conversation,
      icon: '/icons/192.png',
      renotify: true,
      data: { conversation: message.conversation },
    }
    const registration = await navigator.serviceWorker.getRegistration().catch(() => undefined)
    if (registration?.active) {
      await registration.showNotification(item.title, options)
      return
    }
    const shown = new Notification(item.title, options)
    shown.onclick = () => {
      window.focus()
      open(message.conversation)
      shown.close()
    }
  }
}

/** Unread messages on the title, the favicon and the installed app; call once, in a component. */
export function followCounts(): void {
  const session = useSession()
  const conversations = useConversations()
  const say = useSay()
  const icon = document.querySelector<HTMLLinkElement>('link[rel=icon]')
  watchEffect(() => {
    const unread = session.state === 'signed_in' ? conversations.unread : 0
    document.title = (unread > 0 ? `(${String(unread)}) ` : '') + say.value.t('product')
    if (icon !== null) icon.href = unread > 0 ? '/mark-unread.svg' : '/mark.svg'
    const badge = unread > 0 ? navigator.setAppBadge?.(unread) : navigator.clearAppBadge?.()
    badge?.catch(() => undefined)
  })
}
