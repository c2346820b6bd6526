// What stands on an avatar.

/** One or two letters of a name; of Chinese, Japanese and Korean names the last two characters of
 * a family and given name, as is usual there. */
export function initials(name: string): string {
  const words = name.trim().split(/[\s._-]+/u).filter((word) => /[\p{L}\p{N}]/u.test(word))
  const first = words[0]
  if (first === undefined) return '?'
  if (/^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/u.test(first)) {
    return [...first].slice(-2).join('')
  }
  const letter = (word: string): string => [...word].find((c) => /[\p{L}\p{N}]/u.test(c)) ?? ''
  const last = words.length > 1 ? words[words.length - 1] : undefined
  const second = last !== undefined && /^\p{Script=Latin}/u.test(last) ? letter(last) : ''
  return (letter(first) + second).toLocaleUpperCase()
}

/** Which of the eight colours; always the same for one id. */
export function hue(id: string): number {
  // FNV-1a, and its upper bits: ids made at about the same time differ only a little.
  let hash = 0x811c9dc5
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193)
  return ((hash >>> 16) ^ (hash & 0xffff)) % 8
}
