// Connects the stores to the SDK.
import type { Pinia } from 'pinia'
import { Chat } from '@/sdk'
import { useBackend } from './backend'
import { useContacts } from './contacts'
import { useConversations } from './conversations'
import { useDrafts } from './drafts'
import { useErrands } from './errands'
import { useMembers } from './members'
import { useMessages } from './messages'
import { useNews } from './news'
import { useOutbox } from './outbox'
import { usePeople } from './people'
import { usePins } from './pins'
import { usePresence } from './presence'
import { useProfiles } from './profiles'
import { useQuotes } from './quotes'
import { useSession } from './session'
import { useThreads } from './threads'
import { useTyping } from './typing'

/** Shows what this browser keeps, then connects. Resolves, once there is something to show, with
 * the path to go on with when the page is the one that a sign-in returns to, else with null. */
export function startChat(pinia: Pinia): Promise<string | null> {
  const session = useSession(pinia)
  const conversations = useConversations(pinia)
  const outbox = useOutbox(pinia)
  const errands = useErrands(pinia)
  const quotes = useQuotes(pinia)
  const pins = usePins(pinia)
  const threads = useThreads(pinia)
  const messages = useMessages(pinia)
  const members = useMembers(pinia)
  const people = usePeople(pinia)
  const news = useNews(pinia)
  const presence = usePresence(pinia)
  const typing = useTyping(pinia)
  const drafts = useDrafts(pinia)
  const profiles = useProfiles(pinia)
  const contacts = useContacts(pinia)
  let wasConnected = false

  const chat = new Chat(location.origin, {
    loaded(cached) {
      session.loaded(cached)
      people.loaded(cached)
      outbox.loaded(cached)
      errands.loaded(cached)
      conversations.loaded(cached)
      messages.loaded()
    },
    told(told) {
      people.told(told)
      outbox.told(told)
      errands.told(told)
      quotes.told(told)
      pins.told(told)
      threads.told(told)
      conversations.told(told)
      messages.told(told)
      members.told(told)
      presence.told(told)
      typing.told(told)
      profiles.told(told)
      contacts.told(told)
      news.told(told)
    },
    status(status) {
      const connected = status.connection === 'connected'
      if (connected && !wasConnected) {
        members.reconnected()
        messages.reconnected()
        pins.reconnected()
        threads.reconnected()
      }
      wasConnected = connected
      if (connected && !status.syncing) conversations.synced()
      if (status.signedIn === 'out' && session.state === 'signed_in') {
        drafts.clear()
        profiles.clear()
        contacts.clear()
      }
      session.changed(status)
    },
  })
  useBackend(pinia).use(chat)
  return chat.start(new URL(location.href))
}
