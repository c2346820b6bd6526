// Finds links in message text. Text stays text: a part is either plain or an address that begins
// with http:// or https://, and nothing else ever becomes a link.

export interface Part {
  text: string
  /** The address, normalised; undefined for plain text. */
  href?: string
}

const CANDIDATE = /https?:\/\/[^\s<>"'`\u3000-\u303f\uff00-\uffef]+/giu
// What usually ends the sentence around a link, not the link.
const TRAILING = new Set('.,:;!?…*_~)]}')
const OPENERS: Readonly<Record<string, string>> = { ')': '(', ']': '[', '}': '{' }

/** The parts of a text, in order; joined, they are the text again. */
export function linkParts(text: string): Part[] {
  const parts: Part[] = []
  let done = 0
  for (const match of text.matchAll(CANDIDATE)) {
    const shown = trimmed(match[0])
    const href = address(shown)
    if (href === null) continue
    if (match.index > done) parts.push({ text: text.slice(done, match.index) })
    parts.push({ text: shown, href })
    done = match.index + shown.length
  }
  if (done < text.length) parts.push({ text: text.slice(done) })
  return parts
}

/** Without the punctuation after it; a closing bracket stays if the link opens it. */
function trimmed(candidate: string): string {
  const counts: Record<string, number> = {}
  for (const character of candidate) counts[character] = (counts[character] ?? 0) + 1
  let end = candidate.length
  for (; end > 0; end--) {
    const last = candidate.charAt(end - 1)
    if (!TRAILING.has(last)) break
    const opener = OPENERS[last]
    if (opener !== undefined && (counts[opener] ?? 0) >= (counts[last] ?? 0)) break
    counts[last] = (counts[last] ?? 0) - 1
  }
  return candidate.slice(0, end)
}

function address(text: string): string | null {
  try {
    const url = new URL(text)
    const web = url.protocol === 'http:' || url.protocol === 'https:'
    // A user name in front of the host is only there to mislead about the host.
    return web && url.username === '' && url.password === '' ? url.href : null
  } catch {
    return null
  }
}
