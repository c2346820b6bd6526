// The emoji that were used last in this browser, the newest first.
import { ref } from 'vue'
import { readStored, writeStored } from '@/stores/stored'

const KEY = 'agileim.emoji'
const KEPT = 16

export const usedEmoji = ref<readonly string[]>(readStored<{ used: string[] }>(KEY, { used: [] }).used)

export function rememberEmoji(emoji: string): void {
  usedEmoji.value = [emoji, ...usedEmoji.value.filter((one) => one !== emoji)].slice(0, KEPT)
  writeStored(KEY, { used: usedEmoji.value })
}
