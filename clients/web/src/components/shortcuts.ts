// The keyboard. Letters with Alt: alone they are for writing, with Ctrl for the browser.
import type { Key } from '@/locales'

export const MAC = /Mac|iPhone|iPad/.test(navigator.platform)
const ALT = MAC ? '⌥' : 'Alt'
const CTRL = MAC ? '⌘' : 'Ctrl'

export type Command =
  | 'filter' | 'next' | 'previous' | 'unread' | 'new_chat' | 'new_group' | 'info' | 'settings'
  | 'compose' | 'history' | 'escape' | 'help'

export const SHORTCUTS: readonly { keys: readonly string[]; text: Key }[] = [
  { keys: [CTRL, 'K'], text: 'key_filter' },
  { keys: [ALT, '↓'], text: 'key_next' },
  { keys: [ALT, '↑'], text: 'key_previous' },
  { keys: [ALT, 'U'], text: 'key_unread' },
  { keys: [ALT, 'N'], text: 'key_new_chat' },
  { keys: [ALT, 'G'], text: 'key_new_group' },
  { keys: [ALT, 'I'], text: 'key_info' },
  { keys: [ALT, 'S'], text: 'key_settings' },
  { keys: [ALT, 'M'], text: 'key_compose' },
  { keys: [ALT, 'H'], text: 'key_history' },
  { keys: ['↑', '↓'], text: 'key_messages' },
  { keys: ['Enter'], text: 'key_menu' },
  { keys: ['Enter'], text: 'key_send' },
  { keys: ['Shift', 'Enter'], text: 'key_newline' },
  { keys: ['↑'], text: 'key_edit_last' },
  { keys: ['Esc'], text: 'key_escape' },
  { keys: [CTRL, '/'], text: 'key_help' },
]

const BY_CODE: Record<string, Command> = {
  ArrowDown: 'next', ArrowUp: 'previous', KeyU: 'unread', KeyN: 'new_chat', KeyG: 'new_group',
  KeyI: 'info', KeyS: 'settings', KeyM: 'compose', KeyH: 'history',
}

/** What a key asks for, if it is one of ours. */
export function commandOf(event: KeyboardEvent): Command | null {
  if (event.isComposing) return null
  const strong = MAC ? event.metaKey : event.ctrlKey
  if (strong && !event.altKey && !event.shiftKey) {
    if (event.key.toLowerCase() === 'k') return 'filter'
    if (event.key === '/') return 'help'
  }
  // By place: Alt changes the letter on some keyboards.
  if (event.altKey && !event.ctrlKey && !event.metaKey && !event.shiftKey) return BY_CODE[event.code] ?? null
  if (event.key === 'Escape') return 'escape'
  if (event.key === '?' && !writes(event.target)) return 'help'
  return null
}

function writes(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.matches('input, textarea, select, [contenteditable]')
}
