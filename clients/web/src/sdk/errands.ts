// Carries out errands, one after the other, as soon as there is a line.
import type { Errand } from './core/errands'
import { Refused } from './errors'
import type { Ledger } from './ledger'
import type { Api } from './rest'

const LATER = new Set(['unavailable', 'rate_limited', 'unauthenticated'])
const SETTLE_MS = 3000 // for the event of what was done; none comes when it was so before

/** See above. The ledger keeps them. */
export class Errands {
  private running = false
  private readonly done = new Set<string>()

  constructor(
    private readonly ledger: Ledger,
    private readonly api: Api,
  ) {}

  /** Begin, or go on after the line was lost. */
  async run(): Promise<void> {
    if (this.running) return
    this.running = true
    try {
      for (let next = this.next(); next !== undefined; next = this.next()) await this.one(next)
    } catch {
      // The line is gone: when it is back, we are called again.
    } finally {
      this.running = false
    }
  }

  private next(): Errand | undefined {
    for (const errand of this.ledger.errands.values()) if (!this.done.has(errand.id)) return errand
    return undefined
  }

  private async one(errand: Errand): Promise<void> {
    try {
      await this.carryOut(errand)
    } catch (error) {
      if (!(error instanceof Refused) || LATER.has(error.code)) throw error
      this.ledger.undo(errand.id, error.code)
      this.ledger.settled()
      return
    }
    this.done.add(errand.id)
    setTimeout(() => {
      this.done.delete(errand.id)
      this.ledger.undo(errand.id)
      this.ledger.settled()
    }, SETTLE_MS)
  }

  private carryOut({ conversation, seq, deed }: Errand): Promise<void> {
    switch (deed.do) {
      case 'edit':
        return this.api.edit(conversation, seq, deed.text, deed.version)
      case 'recall':
        return this.api.recall(conversation, seq)
      case 'pin':
      case 'unpin':
        return this.api.pin(conversation, seq, deed.do === 'pin')
      case 'react':
      case 'unreact':
        return this.api.react(conversation, seq, deed.emoji, deed.do === 'react')
    }
  }
}
