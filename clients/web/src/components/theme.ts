// Theme, accent and language on the root element, where the styles look for them.
import { watchEffect, ref } from 'vue'
import { useSay } from '@/locales'
import { useSettings } from '@/stores'

export const ACCENTS = ['blue', 'teal', 'violet', 'berry'] as const

/** Keeps the root element in step with the settings; call once. */
export function followSettings(): void {
  const settings = useSettings()
  const say = useSay()
  const wish = matchMedia('(prefers-color-scheme: dark)')
  const dark = ref(wish.matches)
  wish.addEventListener('change', () => (dark.value = wish.matches))
  const root = document.documentElement
  watchEffect(() => {
    const system = dark.value ? 'dark' : 'light'
    root.dataset['theme'] = settings.theme === 'system' ? system : settings.theme
    root.dataset['accent'] = ACCENTS.find((accent) => accent === settings.accent) ?? 'blue'
    const surface = getComputedStyle(root).getPropertyValue('--surface')
    document.querySelector('meta[name=theme-color]')?.setAttribute('content', surface)
    root.lang = say.value.locale
  })
}
