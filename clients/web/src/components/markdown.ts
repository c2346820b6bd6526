// The little of Markdown that messages may use, as a tree. Text stays text: nothing here, and
// nothing that draws it, ever makes HTML. Pure; time grows with the length of the text.
//
//   **bold**  *italic* or _italic_  ~~struck~~  `code`  ```code block```  > quote  - list  1. list
import { linkParts } from './links'

export type Inline =
  | { type: 'text'; text: string }
  | { type: 'code'; text: string }
  | { type: 'link'; text: string; href: string }
  | { type: 'mention'; handle: string }
  | { type: 'bold' | 'italic' | 'struck'; inside: Inline[] }

export type Block =
  | { type: 'text'; inside: Inline[] }
  | { type: 'code'; text: string; language: string }
  | { type: 'quote'; inside: Block[] }
  | { type: 'list'; ordered: boolean; start: number; items: Inline[][] }

const FENCE = /^ {0,3}```([\w+#.-]{0,20})\s*$/
const QUOTE = /^ {0,3}> ?/
const BULLET = /^ {0,3}[-*+•] +(?=\S)/
const NUMBER = /^ {0,3}(\d{1,9})[.)] +(?=\S)/
const QUOTES_MAX = 3 // quotes within quotes

/** The blocks of a message. */
export function blocksOf(text: string, depth = 0): Block[] {
  const lines = text.split('\n')
  const blocks: Block[] = []
  let plain: string[] = []
  const flush = (): void => {
    while (plain.length > 0 && plain[0] === '' && blocks.length > 0) plain.shift()
    while (plain.length > 0 && plain.at(-1) === '') plain.pop()
    if (plain.length > 0) blocks.push({ type: 'text', inside: inlines(plain.join('\n')) })
    plain = []
  }
  for (let at = 0; at < lines.length; ) {
    const line = lines[at] ?? ''
    const fence = FENCE.exec(line)
    const end = fence === null ? -1 : closing(lines, at + 1)
    if (fence !== null && end > 0) {
      flush()
      blocks.push({ type: 'code', language: fence[1] ?? '', text: lines.slice(at + 1, end).join('\n') })
      at = end + 1
    } else if (QUOTE.test(line) && depth < QUOTES_MAX) {
      flush()
      const run = runOf(lines, at, QUOTE)
      blocks.push({ type: 'quote', inside: blocksOf(run.map((one) => one.replace(QUOTE, '')).join('\n'), depth + 1) })
      at += run.length
    } else if (BULLET.test(line) || NUMBER.test(line)) {
      flush()
      const marker = BULLET.test(line) ? BULLET : NUMBER
      const run = runOf(lines, at, marker)
      const items = run.map((one) => inlines(one.replace(marker, '')))
      const start = Number(NUMBER.exec(line)?.[1] ?? 1)
      blocks.push({ type: 'list', ordered: marker === NUMBER, start, items })
      at += run.length
    } else {
      plain.push(line)
      at += 1
    }
  }
  flush()
  return blocks
}

function closing(lines: readonly string[], from: number): number {
  for (let at = from; at < lines.length; at++) if (/^ {0,3}```\s*$/.test(lines[at] ?? '')) return at
  return -1
}

function runOf(lines: readonly string[], from: number, marker: RegExp): string[] {
  let end = from
  while (end < lines.length && marker.test(lines[end] ?? '')) end += 1
  return lines.slice(from, end)
}

/** What stands in a line, or in several. */
export function inlines(text: string): Inline[] {
  const spans = new Spans()
  for (const part of codeParts(text)) {
    if (part.code) spans.put({ type: 'code', text: part.text })
    else {
      linkParts(part.text).forEach(({ text: shown, href }, at, all) => {
        if (href !== undefined) spans.put({ type: 'link', text: shown, href })
        else spans.read(shown, at < all.length - 1 || !part.last)
      })
    }
  }
  return spans.end()
}

interface Part {
  text: string
  code: boolean
  last: boolean
}

/** What is code and what is not. */
function codeParts(text: string): Part[] {
  const parts: Part[] = []
  const hopeless = new Set<number>() // lengths of backticks that are not closed any more
  let done = 0
  const opens = /`+/g
  for (let open = opens.exec(text); open !== null; open = opens.exec(text)) {
    const marks = open[0]
    if (marks.length > 3 || hopeless.has(marks.length)) continue
    const from = open.index + marks.length
    const close = new RegExp(`(?<!\`)${marks}(?!\`)`, 'g')
    close.lastIndex = from
    const found = close.exec(text)
    if (found === null) {
      hopeless.add(marks.length)
      continue
    }
    if (open.index > done) parts.push({ text: text.slice(done, open.index), code: false, last: false })
    const inside = text.slice(from, found.index)
    parts.push({ text: /^ .*[^ ].* $/s.test(inside) ? inside.slice(1, -1) : inside, code: true, last: false })
    done = found.index + marks.length
    opens.lastIndex = done
  }
  if (done < text.length) parts.push({ text: text.slice(done), code: false, last: true })
  return parts
}

type Style = 'bold' | 'italic' | 'struck'
interface Frame {
  style: Style | null
  marker: string
  nodes: Inline[]
}

const MARKERS: Readonly<Record<string, Style>> = { '**': 'bold', '*': 'italic', _: 'italic', '~~': 'struck' }
const TOKEN = /\*\*|\*|~~|_|(?<![\w@./-])@[\p{L}\p{N}._-]{2,32}/gu
const SPACE = /[\s]/u
const WORD = /[A-Za-z0-9]/

/** Collects nodes; each style is open once at most. */
class Spans {
  private readonly frames: Frame[] = [{ style: null, marker: '', nodes: [] }]

  put(node: Inline): void {
    this.top.nodes.push(node)
  }

  /** `more`: something else than text follows at once. */
  read(text: string, more: boolean): void {
    let done = 0
    for (const match of text.matchAll(TOKEN)) {
      const [token] = match
      this.text(text.slice(done, match.index))
      done = match.index + token.length
      if (token.startsWith('@')) {
        const handle = token.slice(1).replace(/[._-]+$/, '')
        done = match.index + 1 + handle.length
        if (handle.length >= 2) this.put({ type: 'mention', handle })
        else this.text(token.slice(0, 1 + handle.length))
        continue
      }
      this.mark(token, text.charAt(match.index - 1), text.charAt(done) || (more ? '\ufffc' : ''))
    }
    this.text(text.slice(done))
  }

  end(): Inline[] {
    while (this.frames.length > 1) this.giveUp()
    return this.top.nodes
  }

  private get top(): Frame {
    return this.frames[this.frames.length - 1] as Frame
  }

  private text(text: string): void {
    if (text === '') return
    const { nodes } = this.top
    const last = nodes.at(-1)
    if (last?.type === 'text') nodes[nodes.length - 1] = { type: 'text', text: last.text + text }
    else nodes.push({ type: 'text', text })
  }

  private mark(marker: string, before: string, after: string): void {
    const style = MARKERS[marker] as Style
    const single = marker.length === 1
    const at = this.frames.findIndex((frame) => frame.style === style && frame.marker === marker)
    const closes = !SPACE.test(before) && !(single && WORD.test(after))
    const opens = after !== '' && !SPACE.test(after) && !(single && WORD.test(before))
    if (at > 0 && closes) {
      while (this.frames.length > at + 1) this.giveUp()
      const { nodes } = this.frames.pop() as Frame
      if (nodes.length > 0) this.put({ type: style, inside: nodes })
      else this.text(marker + marker)
    } else if (opens && !this.frames.some((frame) => frame.style === style)) {
      this.frames.push({ style, marker, nodes: [] })
    } else {
      this.text(marker)
    }
  }

  /** What was opened is not closed: its marker was text. */
  private giveUp(): void {
    const { marker, nodes } = this.frames.pop() as Frame
    this.text(marker)
    for (const node of nodes) {
      if (node.type === 'text') this.text(node.text)
      else this.put(node)
    }
  }
}

/** A message as one plain line, for previews. */
export function plainOf(text: string): string {
  return blocksOf(text).map(plainBlock).join(' ').replace(/\s+/g, ' ').trim()
}

function plainBlock(block: Block): string {
  switch (block.type) {
    case 'text':
      return plainInline(block.inside)
    case 'code':
      return block.text
    case 'quote':
      return block.inside.map(plainBlock).join(' ')
    case 'list':
      return block.items.map((item, at) => `${block.ordered ? `${String(block.start + at)}.` : '•'} ${plainInline(item)}`).join(' ')
  }
}

function plainInline(nodes: readonly Inline[]): string {
  return nodes
    .map((node) => {
      if (node.type === 'mention') return `@${node.handle}`
      return 'inside' in node ? plainInline(node.inside) : node.text
    })
    .join('')
}
