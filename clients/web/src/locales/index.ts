// Texts and formats in the language of the settings. Reactive: components that call these render
// anew when the language changes.
import { computed } from 'vue'
import { useSettings } from '@/stores'
import { en, type Key, type Texts } from './en'
import { zhHans } from './zh-Hans'

export type { Key }
export type Locale = 'en' | 'zh-Hans'

const TEXTS: Record<Locale, Texts> = { en, 'zh-Hans': zhHans }
const DAY_MS = 86_400_000

/** `Plural` of `unread` stands for the keys unread_one and unread_other. */
type Plural = Key extends infer K ? (K extends `${infer Stem}_other` ? Stem : never) : never

/** The first of the browser's languages that we speak. */
export function browserLocale(languages: readonly string[] = navigator.languages): Locale {
  for (const language of languages) {
    if (/^zh\b/i.test(language)) return 'zh-Hans'
    if (/^en\b/i.test(language)) return 'en'
  }
  return 'en'
}

/** What goes between {braces}. */
export function fill(text: string, values: Readonly<Record<string, string | number>>): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole))
}

function formats(locale: Locale) {
  // English dates are written as the browser's own kind of English does.
  const own = navigator.languages.find((language) => /^en-/i.test(language))
  const tag = locale === 'en' ? (own ?? 'en-GB') : 'zh-CN'
  return {
    time: new Intl.DateTimeFormat(tag, { hour: 'numeric', minute: '2-digit' }),
    weekday: new Intl.DateTimeFormat(tag, { weekday: 'short' }),
    date: new Intl.DateTimeFormat(tag, { day: 'numeric', month: 'short' }),
    old: new Intl.DateTimeFormat(tag, { year: 'numeric', month: 'numeric', day: 'numeric' }),
    day: new Intl.DateTimeFormat(tag, { weekday: 'long', day: 'numeric', month: 'long' }),
    oldDay: new Intl.DateTimeFormat(tag, { day: 'numeric', month: 'long', year: 'numeric' }),
    whole: new Intl.DateTimeFormat(tag, { dateStyle: 'full', timeStyle: 'short' }),
    relative: new Intl.RelativeTimeFormat(tag, { numeric: 'auto' }),
    plural: new Intl.PluralRules(tag),
    number: new Intl.NumberFormat(tag),
    percent: new Intl.NumberFormat(tag, { style: 'percent' }),
    list: new Intl.ListFormat(tag),
  }
}

function build(locale: Locale) {
  const texts = TEXTS[locale]
  const format = formats(locale)
  const relativeDay = (days: number): string => {
    const text = format.relative.format(days, 'day')
    return text.charAt(0).toLocaleUpperCase(locale) + text.slice(1)
  }
  return {
    locale,
    t: (key: Key, values: Readonly<Record<string, string | number>> = {}) =>
      fill(texts[key], values),
    /** Of `stem`_one / `stem`_other, as the language counts; {n} is the number. */
    count: (stem: Plural, n: number) => {
      const form = format.plural.select(n) === 'one' ? 'one' : 'other'
      return fill(texts[`${stem}_${form}` as Key], { n: format.number.format(n) })
    },
    percent: (part: number) => format.percent.format(part),
    names: (names: readonly string[]) => format.list.format(names),
    /** 14:05 */
    time: (at: string) => format.time.format(new Date(at)),
    /** The exact time, for tooltips. */
    whole: (at: string) => format.whole.format(new Date(at)),
    /** For the conversation list: a time today, else a weekday, else a date. */
    short: (at: string, now = new Date()) => {
      const date = new Date(at)
      const days = daysBetween(date, now)
      if (days === 0) return format.time.format(date)
      if (days === 1) return relativeDay(-1)
      if (days < 7) return format.weekday.format(date)
      return (date.getFullYear() === now.getFullYear() ? format.date : format.old).format(date)
    },
    /** For day separators. */
    day: (at: string, now = new Date()) => {
      const date = new Date(at)
      const days = daysBetween(date, now)
      if (days === 0 || days === 1) return relativeDay(days === 0 ? 0 : -1)
      return (date.getFullYear() === now.getFullYear() ? format.day : format.oldDay).format(date)
    },
    /** What to say about an error of an action. */
    error: (error: unknown) => {
      const code = (error as { code?: unknown } | null)?.code
      const key = `error_${typeof code === 'string' ? code : 'other'}`
      return texts[key in texts ? (key as Key) : 'error_other']
    },
  }
}

/** Whole days by the calendar from `date` to `now`. */
export function daysBetween(date: Date, now: Date): number {
  const start = (at: Date): number => new Date(at.getFullYear(), at.getMonth(), at.getDate()).getTime()
  return Math.round((start(now) - start(date)) / DAY_MS)
}

const cache = new Map<Locale, ReturnType<typeof build>>()

function speaker(locale: Locale): ReturnType<typeof build> {
  let known = cache.get(locale)
  if (known === undefined) cache.set(locale, (known = build(locale)))
  return known
}

/** `const say = useSay()`, then `say.value.t('send')`; in templates `say.t('send')`. */
export function useSay() {
  const settings = useSettings()
  return computed(() =>
    speaker(settings.language === 'auto' ? browserLocale() : settings.language),
  )
}
