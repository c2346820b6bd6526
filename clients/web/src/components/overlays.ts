// What lies over the views: one dialog at a time, a question, short notes, and what a screen
// reader is told.
import { reactive, ref, shallowRef } from 'vue'
import type { Attachment, Message } from '@/stores'

export type DialogName = 'new-chat' | 'new-group' | 'settings' | 'shortcuts' | 'devices' | 'profile' | 'contacts'

export const openDialog = ref<DialogName | null>(null)

export interface Question {
  title: string
  text: string
  action: string
  danger: boolean
  answer: (yes: boolean) => void
}

export const question = shallowRef<Question | null>(null)

/** Ask before something that cannot be undone. */
export function ask(asked: Omit<Question, 'answer'>): Promise<boolean> {
  question.value?.answer(false)
  return new Promise((resolve) => {
    question.value = {
      ...asked,
      answer: (yes) => {
        question.value = null
        resolve(yes)
      },
    }
  })
}

const NOTE_MS = 6000
let nextNote = 1
export const notes = reactive<{ id: number; text: string }[]>([])

/** A short note at the edge, for a few seconds. */
export function note(text: string): void {
  const id = nextNote++
  notes.push({ id, text })
  setTimeout(() => dismiss(id), NOTE_MS)
}

export function dismiss(id: number): void {
  const at = notes.findIndex((known) => known.id === id)
  if (at >= 0) notes.splice(at, 1)
}

/** What the polite live region says. */
export const announcement = ref('')

export function announce(text: string): void {
  announcement.value = text
}

/** Whose profile is looked at. */
export const openPerson = shallowRef<string | null>(null)

/** Where something opens: beside this box of the page. */
export interface Place {
  box: DOMRect
  /** Gets the focus back. */
  from: HTMLElement | null
}

/** The menu of a message. */
export const messageMenu = shallowRef<{ message: Message; place: Place } | null>(null)

/** The thread beside its conversation. */
export const openThread = shallowRef<{ conversation: string; root: number } | null>(null)

/** The message that is to be forwarded. */
export const forwarding = shallowRef<Message | null>(null)

/** Pictures of a message, and which of them is looked at. */
export const imageViewer = shallowRef<{ files: readonly Attachment[]; at: number } | null>(null)

/** What one may set about a conversation. */
export const conversationMenu = shallowRef<{ id: string; place: Place } | null>(null)

export const datePicker = shallowRef<{ conversation: string } | null>(null)

/** A message that the open conversation is to show; the view takes it. */
export const jumpWish = shallowRef<{ conversation: string; seq: number } | null>(null)

/** The emoji picker, and what is done with the choice. */
export const emojiPicker = shallowRef<{ place: Place; pick: (emoji: string) => void } | null>(null)

export function placeOf(element: HTMLElement, box = element.getBoundingClientRect()): Place {
  return { box, from: element }
}
