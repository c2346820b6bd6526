// Choices kept in this browser. See contracts.ts: SettingsStore.
import { defineStore } from 'pinia'
import { reactive, toRefs, watch } from 'vue'
import type { Language, Theme } from './contracts'
import { readStored, writeStored } from './stored'

const KEY = 'agileim.settings'

interface Settings {
  theme: Theme
  language: Language
  accent: string
  enterSends: boolean
  notifications: boolean
  notificationText: boolean
}

const DEFAULTS: Settings = {
  theme: 'system',
  language: 'auto',
  accent: '',
  enterSends: true,
  notifications: false,
  notificationText: true,
}

export const useSettings = defineStore('settings', () => {
  const settings = reactive(readStored(KEY, DEFAULTS))
  watch(settings, () => writeStored(KEY, settings))
  // Other tabs change at once, too.
  addEventListener('storage', (event) => {
    if (event.key === KEY) Object.assign(settings, readStored(KEY, DEFAULTS))
  })
  return toRefs(settings)
})
