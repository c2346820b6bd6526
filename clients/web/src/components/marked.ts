// A text in which some places are marked, in parts. Places are [start, end) in code points.
const BEFORE = 24 // code points shown before the first mark of a long text

export interface MarkedPart {
  text: string
  marked: boolean
}

export function marked(text: string, places: readonly (readonly number[])[]): MarkedPart[] {
  const points = [...text.replace(/\s/g, ' ')]
  const parts: MarkedPart[] = []
  const first = places[0]?.[0] ?? 0
  let done = Math.max(0, first - BEFORE)
  if (done > 0) parts.push({ text: '…', marked: false })
  for (const [start = 0, end = 0] of places) {
    if (start < done || end <= start) continue
    if (start > done) parts.push({ text: points.slice(done, start).join(''), marked: false })
    parts.push({ text: points.slice(start, end).join(''), marked: true })
    done = end
  }
  if (done < points.length) parts.push({ text: points.slice(done).join(''), marked: false })
  return parts
}
