// Draws the tree of markdown.ts. Every string becomes a text node.
import { h, type FunctionalComponent, type VNode } from 'vue'
import { blocksOf, type Block, type Inline } from './markdown'

const TAGS = { bold: 'strong', italic: 'em', struck: 's' } as const

interface Props {
  text: string
  /** Handles that are people who were mentioned; others are shown as they are written. */
  mentions?: ReadonlySet<string> | undefined
  me?: string | undefined
}

export const RichText: FunctionalComponent<Props> = (props) =>
  blocksOf(props.text).map((block, at) => drawBlock(block, at, props))
RichText.props = ['text', 'mentions', 'me']

function drawBlock(block: Block, key: number, props: Props): VNode {
  switch (block.type) {
    case 'text':
      return h('span', { key, class: 'part' }, drawAll(block.inside, props))
    case 'code':
      return h('pre', { key, tabindex: 0 }, h('code', block.text))
    case 'quote':
      return h('blockquote', { key }, block.inside.map((one, at) => drawBlock(one, at, props)))
    case 'list': {
      const items = block.items.map((item, at) => h('li', { key: at }, drawAll(item, props)))
      return block.ordered ? h('ol', { key, start: block.start }, items) : h('ul', { key }, items)
    }
  }
}

function drawAll(nodes: readonly Inline[], props: Props): (VNode | string)[] {
  return nodes.map((node) => drawInline(node, props))
}

function drawInline(node: Inline, props: Props): VNode | string {
  switch (node.type) {
    case 'text':
      return node.text
    case 'code':
      return h('code', node.text)
    case 'link':
      return h('a', { href: node.href, target: '_blank', rel: 'noopener noreferrer nofollow' }, node.text)
    case 'mention': {
      const text = `@${node.handle}`
      if (props.mentions?.has(node.handle.toLowerCase()) !== true) return text
      return h('span', { class: ['mention', { me: node.handle.toLowerCase() === props.me }] }, text)
    }
    default:
      return h(TAGS[node.type], drawAll(node.inside, props))
  }
}
