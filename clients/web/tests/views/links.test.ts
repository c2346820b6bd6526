import { describe, expect, test } from 'vitest'
import { linkParts } from '@/components/links'

function links(text: string): string[] {
  const parts = linkParts(text)
  expect(parts.map((part) => part.text).join('')).toBe(text)
  return parts.flatMap((part) => (part.href === undefined ? [] : [part.href]))
}

describe('links in text', () => {
  test.each([
    ['see https://example.org', ['https://example.org/']],
    ['http://a.example/x?y=1#z and https://b.example/', ['http://a.example/x?y=1#z', 'https://b.example/']],
    ['(https://example.org/a)', ['https://example.org/a']],
    ['https://example.org/a_(b)', ['https://example.org/a_(b)']],
    ['Is it https://example.org/a?', ['https://example.org/a']],
    ['看 https://example.org/文\u3002 再说', ['https://example.org/%E6%96%87']],
    ['HTTPS://EXAMPLE.ORG/A', ['https://example.org/A']],
  ])('%s', (text, expected) => expect(links(text)).toEqual(expected))

  test.each([
    'javascript:alert(1)',
    'data:text/html,<script>',
    'vbscript:x file:///etc/passwd',
    'https://',
    'http://user:secret@example.org/',
    'https://example.org@evil.example/',
    'no link at all',
    '',
  ])('none in %j', (text) => expect(links(text)).toEqual([]))

  test('what would end an attribute ends the link', () => {
    expect(links('https://example.org/"onclick="x')).toEqual(['https://example.org/'])
    expect(links('https://example.org/<script>')).toEqual(['https://example.org/'])
  })

  test('long hostile text takes no long time', () => {
    const started = performance.now()
    links('https://a.example/' + ')'.repeat(8000))
    links('https://'.repeat(1000))
    expect(performance.now() - started).toBeLessThan(500) // linear: some 5 ms
  })
})
