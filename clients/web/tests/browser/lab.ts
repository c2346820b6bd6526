// A page with the stores and no views, for tests in a real browser.
import { createPinia } from 'pinia'
import { createApp, effectScope } from 'vue'
import * as stores from '@/stores'

const pinia = createPinia()
createApp({ render: () => null }).use(pinia)

const scope = effectScope()
const lab = scope.run(() => ({
  session: stores.useSession(pinia),
  conversations: stores.useConversations(pinia),
  messages: stores.useMessages(pinia),
  receipts: stores.useReceipts(pinia),
  people: stores.usePeople(pinia),
  presence: stores.usePresence(pinia),
  typing: stores.useTyping(pinia),
  members: stores.useMembers(pinia),
  /** Texts of a conversation as its view would show them; pending ones with their status. */
  texts(id: string): string[] {
    return stores.useMessages(pinia).open(id).entries.flatMap((entry) => {
      if (entry.type === 'pending') return [`${entry.pending.text} (${entry.pending.status})`]
      return entry.event.event === 'message' ? [entry.event.text] : []
    })
  },
}))

export type Lab = NonNullable<typeof lab>
declare global {
  interface Window {
    lab: Lab
    ready: boolean
  }
}
if (lab !== undefined) window.lab = lab
const path = await stores.startChat(pinia)
if (path !== null) history.replaceState(null, '', path)
window.ready = true
