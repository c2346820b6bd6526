import { describe, expect, test } from 'vitest'
import { blocksOf, inlines, plainOf, type Inline } from '@/components/markdown'

/** As a short text: b[bold] i[italic] s[struck] c[code] l[link] m[mention]. */
function shown(nodes: readonly Inline[]): string {
  return nodes
    .map((node) => {
      if (node.type === 'text') return node.text
      if (node.type === 'mention') return `m[${node.handle}]`
      return `${node.type.charAt(0)}[${'inside' in node ? shown(node.inside) : node.text}]`
    })
    .join('')
}

describe('in a line', () => {
  test.each([
    ['**a** *b* _c_ ~~d~~ `e`', 'b[a] i[b] i[c] s[d] c[e]'],
    ['**a *b* c**', 'b[a i[b] c]'],
    ['这是*重点*内容', '这是i[重点]内容'],
    ['2*3*4 and snake_case_name', '2*3*4 and snake_case_name'],
    ['* not * this', '* not * this'],
    ['**open', '**open'],
    ['**a *b** c*', 'b[a *b] c*'],
    ['****', '****'],
    ['`**a**`', 'c[**a**]'],
    ['``a`b``', 'c[a`b]'],
    ['`open **a**', '`open b[a]'],
    ['see https://example.org/a_b_c_d now', 'see l[https://example.org/a_b_c_d] now'],
    ['**https://example.org**', 'b[l[https://example.org]]'],
    ['`https://example.org`', 'c[https://example.org]'],
    ['hi @mei, and @alex.', 'hi m[mei], and m[alex].'],
    ['mail me@example.org', 'mail me@example.org'],
    ['@陈伟 你好', 'm[陈伟] 你好'],
    ['<b>x</b> &amp;', '<b>x</b> &amp;'],
  ])('%s', (text, expected) => expect(shown(inlines(text))).toBe(expected))
})

describe('in blocks', () => {
  test('code keeps everything, and needs its end', () => {
    expect(blocksOf('a\n```ts\n**x**\n\n  y\n```\nb')).toEqual([
      { type: 'text', inside: [{ type: 'text', text: 'a' }] },
      { type: 'code', language: 'ts', text: '**x**\n\n  y' },
      { type: 'text', inside: [{ type: 'text', text: 'b' }] },
    ])
    expect(blocksOf('```\nnever ends').map(({ type }) => type)).toEqual(['text'])
  })

  test('quotes and lists', () => {
    const [quote, list, numbers] = blocksOf('> a\n> - b\n\n- c\n- **d**\n\n3. e\n4. f')
    expect(quote).toMatchObject({ type: 'quote', inside: [{ type: 'text' }, { type: 'list' }] })
    expect(list).toMatchObject({ type: 'list', ordered: false, items: [[{ text: 'c' }], [{ type: 'bold' }]] })
    expect(numbers).toMatchObject({ type: 'list', ordered: true, start: 3 })
  })

  test('lines of plain text stay as they are', () => {
    expect(blocksOf('a\n\n  b')).toEqual([{ type: 'text', inside: [{ type: 'text', text: 'a\n\n  b' }] }])
    expect(blocksOf('')).toEqual([])
  })

  test('as one plain line', () => {
    expect(plainOf('**a**\n> b\n- c\n- @d_e\n1. `e`')).toBe('a b • c • @d_e 1. e')
  })
})

test.each(['*', '_', '`', '> ', '**a ', '~~', '`` ` ', '- ', '@a', '[', 'https://a.'])(
  'hostile text of %j takes no time', (piece) => {
    const begun = performance.now()
    blocksOf(piece.repeat(8000 / piece.length))
    blocksOf(`${piece}\n`.repeat(8000 / (piece.length + 1)))
    expect(performance.now() - begun).toBeLessThan(250)
  },
)
