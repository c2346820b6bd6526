// Events in words: for notices in the history and previews in the list.
import { useSay, type Key } from '@/locales'
import { usePeople, useSession, type Attachment, type LogEvent } from '@/stores'
import { plainOf } from './markdown'

export function useWording() {
  const say = useSay()
  const people = usePeople()
  const session = useSession()

  function name(user: string): string {
    return user === session.me?.id ? say.value.t('you') : people.name(user)
  }

  function fileWords(files: readonly Attachment[]): string {
    const [first] = files
    if (first === undefined) return ''
    if (files.every((file) => file.thumbnail === true)) return say.value.count('pictures', files.length)
    return files.length === 1 ? first.name : say.value.count('files', files.length)
  }

  /** A notice; of a message, its text. */
  function words(event: LogEvent): string {
    const t = say.value.t
    const a = name(event.sender)
    switch (event.event) {
      case 'message':
        return event.recalled ? t('recalled') : plainOf(event.text) || fileWords(event.attachments)
      case 'message_pinned':
        return t('notice_pinned', { a })
      case 'conversation_created':
        return t(event.kind === 'direct' ? 'notice_created_direct' : 'notice_created', { a })
      case 'conversation_renamed':
        return t('notice_renamed', { a, name: event.name })
      case 'members_added':
        return t('notice_added', { a, names: say.value.names(event.users.map(name)) })
      case 'member_removed':
        return t('notice_removed', { a, b: name(event.user) })
      case 'member_left':
        return t('notice_left', { a: name(event.user) })
      case 'role_changed':
        return t(roleKey(event.role), { a, b: name(event.user) })
      default:
        return t('notice_other')
    }
  }

  /** Who is typing, as a sentence; empty if nobody. */
  function typingWords(users: readonly string[]): string {
    const [a, b] = users
    if (a === undefined) return ''
    if (b === undefined) return say.value.t('typing_1', { a: name(a) })
    if (users.length > 2) return say.value.t('typing_many')
    return say.value.t('typing_2', { a: name(a), b: name(b) })
  }

  return { name, words, fileWords, typingWords }
}

function roleKey(role: string): Key {
  return role === 'owner' || role === 'admin' ? `notice_role_${role}` : 'notice_role_member'
}
