import { expect, test } from 'vitest'
import { marked } from '@/components/marked'

const shown = (text: string, places: number[][]): string =>
  marked(text, places).map((part) => (part.marked ? `[${part.text}]` : part.text)).join('')

test.each([
  ['a green house', [[2, 7]], 'a [green] house'],
  ['🌱 a seed', [[4, 8]], '🌱 a [seed]'],
  ['今天去面馆', [[3, 5]], '今天去[面馆]'],
  ['one two one', [[0, 3], [8, 11]], '[one] two [one]'],
  [`${'x'.repeat(40)} word`, [[41, 45]], `…${'x'.repeat(23)} [word]`],
  ['nothing', [], 'nothing'],
])('%s', (text, places, expected) => expect(shown(text, places)).toBe(expected))
