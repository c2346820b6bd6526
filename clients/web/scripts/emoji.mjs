// The emoji of Unicode for the picker, as modules `virtual:emoji/en` and `virtual:emoji/zh`: of
// what emojibase-data has only the sign, its name, words to find it by, and its group.
import { readFile } from 'node:fs/promises'

const NAME = /^virtual:emoji\/(en|zh)$/

/** A Vite plugin. */
export function emoji() {
  return {
    name: 'agileim-emoji',
    resolveId: (id) => (NAME.test(id) ? `\0${id}` : null),
    async load(id) {
      const language = NAME.exec(id.slice(1))?.[1]
      if (!id.startsWith('\0') || language === undefined) return null
      const file = new URL(import.meta.resolve(`emojibase-data/${language}/compact.json`))
      const all = JSON.parse(await readFile(file, 'utf8'))
      const shown = all
        .filter((one) => one.group !== undefined && one.group !== 2) // 2: parts of others
        .sort((a, b) => a.order - b.order)
        .map((one) => [one.unicode, one.label, (one.tags ?? []).join(' '), one.group])
      return `export default JSON.parse(${JSON.stringify(JSON.stringify(shown))})`
    },
  }
}
