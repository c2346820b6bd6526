import { describe, expect, test } from 'vitest'
import { hue, initials } from '@/components/initials'
import { browserLocale, daysBetween, fill } from '@/locales'
import { en, type Key } from '@/locales/en'
import { zhHans } from '@/locales/zh-Hans'

describe('languages', () => {
  const names = (text: string): string[] => [...text.matchAll(/\{\w+\}/g)].map((match) => match[0]).sort()

  test.each(Object.keys(en) as Key[])('%s says the same in both', (key) => {
    expect(zhHans[key]).not.toBe('')
    expect(names(zhHans[key])).toEqual(names(en[key]))
  })

  test.each([
    [['zh-CN', 'en'], 'zh-Hans'],
    [['de', 'zh-TW', 'en'], 'zh-Hans'],
    [['en-GB'], 'en'],
    [['fr'], 'en'],
    [[], 'en'],
  ] as const)('the browser wants %j', (languages, expected) => {
    expect(browserLocale(languages)).toBe(expected)
  })

  test('values are filled in as they are', () => {
    expect(fill('{a} and {b}', { a: '{b}', b: '$&' })).toBe('{b} and $&')
  })

  test('days are counted by the calendar', () => {
    expect(daysBetween(new Date(2026, 2, 28, 23, 59), new Date(2026, 2, 29, 0, 1))).toBe(1)
    expect(daysBetween(new Date(2026, 2, 1), new Date(2026, 3, 1))).toBe(31)
  })
})

describe('initials', () => {
  test.each([
    ['Alex Novak', 'AN'], ['mei', 'M'], ['陈伟', '陈伟'], ['林梅 Mei', '林梅'], ['欧阳修文', '修文'],
    ['Sofía de la Herrera', 'SH'], ['  ', '?'], ['🙂', '?'], ['ab.cd', 'AC'],
  ])('of %j are %s', (name, expected) => expect(initials(name)).toBe(expected))

  test('colours are stable and spread', () => {
    const ids = Array.from({ length: 60 }, (_, i) => `01a20899-34de-7d5b-82bb-2630c70${String(10000 + i)}`)
    expect(new Set(ids.map(hue)).size).toBe(8)
    expect(ids.map(hue)).toEqual(ids.map(hue))
  })
})
