// Read marks on their way to the server: the newest per conversation. Pure.

const FLUSH_EVERY_S = 0.2 // reading a fast room would else cost a frame per message
const UNSURE_MAX = 64

/** Marks to write, and those of which a lost connection may have taken the frame with it. */
export class ReadMarks {
  private waiting = new Map<string, number>()
  private readonly written = new Map<string, number>()
  private notBefore = 0

  /** Read up to `seq`; never goes back. */
  mark(conversation: string, seq: number): void {
    const known = Math.max(this.waiting.get(conversation) ?? 0, this.written.get(conversation) ?? 0)
    if (seq > known) this.waiting.set(conversation, seq)
  }

  /** The marks to write now. */
  due(now: number): [conversation: string, seq: number][] {
    if (this.waiting.size === 0 || now < this.notBefore) return []
    this.notBefore = now + FLUSH_EVERY_S
    const marks = [...this.waiting]
    for (const [conversation, seq] of marks) {
      this.written.delete(conversation)
      this.written.set(conversation, seq)
      if (this.written.size > UNSURE_MAX) {
        for (const oldest of this.written.keys()) {
          this.written.delete(oldest)
          break
        }
      }
    }
    this.waiting.clear()
    return marks
  }

  /** Write the last ones again on the next connection: marks never go back, so it is safe. */
  disconnected(): void {
    this.waiting = new Map([...this.written, ...this.waiting])
    this.written.clear()
    this.notBefore = 0
  }

  /** When `due` will have something to say. */
  nextAt(): number | null {
    return this.waiting.size > 0 ? this.notBefore : null
  }
}
