// How the tabs of one browser share one session: the one that holds a lock leads, the others ask it
// and are told. A tab that goes away lets go of the lock, and the next one leads.
import type { Commands, Fault, Status, Told } from './told'
import { errorOf, faultOf } from './told'

const NAME = 'agileim'
const ANSWER_TIMEOUT_MS = 30_000

type CallName = keyof Commands

/** What goes from tab to tab. */
type Notice =
  /** The tab that leads; `n` counts what it has told. */
  | { say: 'leading'; leader: string; n: number; status: Status }
  | { say: 'told'; leader: string; n: number; told: Told }
  | { say: 'status'; leader: string; status: Status }
  /** A new tab asks who leads. */
  | { say: 'hello' }
  | { say: 'call'; id: string; name: CallName; args: unknown[] }
  | { say: 'answer'; id: string; value?: unknown; fault?: Fault }
  /** Somebody has signed in on auth's pages. */
  | { say: 'returned' }

interface Call {
  name: CallName
  args: unknown[]
  resolve(value: unknown): void
  reject(error: Error): void
}

/** Who is told what other tabs say. */
export interface TabListener {
  told(told: Told): void
  status(status: Status): void
  /** What was told is incomplete: read the cache again. */
  missed(): void
  returned(): void
}

/** One tab's end of the line to the others. */
export class Tabs {
  readonly id = crypto.randomUUID()
  private readonly channel = new BroadcastChannel(NAME)
  private readonly calls = new Map<string, Call>()
  private leader = ''
  private heard = 0
  private commands: Commands | null = null
  private count = 0
  private status: Status | null = null

  constructor(private readonly listener: TabListener) {
    this.channel.onmessage = ({ data }: MessageEvent<Notice>) => this.receive(data)
  }

  /** Whether this tab leads. */
  get leads(): boolean {
    return this.commands !== null
  }

  /** Resolves when this tab leads; it does so until it is gone. */
  async lead(): Promise<void> {
    await new Promise<void>((resolve) => {
      const held = () => {
        resolve()
        return new Promise<never>(() => undefined)
      }
      void navigator.locks.request(NAME, held)
      this.post({ say: 'hello' })
    })
  }

  /** This tab leads from now on. */
  leading(commands: Commands, status: Status): void {
    this.commands = commands
    this.status = status
    this.leader = this.id
    this.announce()
    this.repeatCalls()
  }

  /** Ask the tab that leads; waits for one as long as there is none. */
  call<K extends CallName>(name: K, ...args: Parameters<Commands[K]>): ReturnType<Commands[K]> {
    const answer = new Promise((resolve, reject) => {
      const id = crypto.randomUUID()
      const done = () => {
        clearTimeout(timer)
        this.calls.delete(id)
      }
      const timer = setTimeout(() => {
        done()
        reject(errorOf({ code: 'unreachable', message: 'no tab answers', field: '' }))
      }, ANSWER_TIMEOUT_MS)
      const call: Call = {
        name,
        args,
        resolve: (value) => {
          done()
          resolve(value)
        },
        reject: (error) => {
          done()
          reject(error)
        },
      }
      this.calls.set(id, call)
      this.make(id, call)
    })
    return answer as ReturnType<Commands[K]>
  }

  /** Tell all tabs, this one included. */
  tell(told: Told): void {
    this.count += 1
    this.post({ say: 'told', leader: this.id, n: this.count, told })
    this.listener.told(told)
  }

  /** Likewise. */
  tellStatus(status: Status): void {
    this.status = status
    this.post({ say: 'status', leader: this.id, status })
    this.listener.status(status)
  }

  /** Somebody has signed in. */
  tellReturned(): void {
    this.post({ say: 'returned' })
  }

  /** Hear and say nothing more. */
  close(): void {
    this.commands = null
    this.channel.close()
  }

  private receive(notice: Notice): void {
    switch (notice.say) {
      case 'leading':
        this.follow(notice.leader, notice.n)
        this.listener.status(notice.status)
        break
      case 'told':
        if (notice.leader !== this.leader || notice.n !== this.heard + 1) {
          this.follow(notice.leader, notice.n)
        } else {
          this.heard = notice.n
          this.listener.told(notice.told)
        }
        break
      case 'status':
        this.listener.status(notice.status)
        break
      case 'hello':
        if (this.leads) this.announce()
        break
      case 'call':
        if (this.commands !== null) void this.serve(notice.id, notice.name, notice.args)
        break
      case 'answer':
        this.answered(notice.id, notice.value, notice.fault)
        break
      case 'returned':
        this.listener.returned()
        break
    }
  }

  private follow(leader: string, n: number): void {
    const missed = leader !== this.leader || n !== this.heard
    const changed = leader !== this.leader
    this.leader = leader
    this.heard = n
    if (missed) this.listener.missed()
    if (changed) this.repeatCalls()
  }

  private announce(): void {
    if (this.status === null) return
    this.post({ say: 'leading', leader: this.id, n: this.count, status: this.status })
  }

  private repeatCalls(): void {
    // Whoever led before may not have done them. Every command may be given twice.
    for (const [id, call] of this.calls) this.make(id, call)
  }

  private make(id: string, call: Call): void {
    if (this.commands === null) {
      this.post({ say: 'call', id, name: call.name, args: call.args })
      return
    }
    this.run(call.name, call.args).then(
      (value) => call.resolve(value),
      (error: unknown) => call.reject(errorOf(faultOf(error))),
    )
  }

  private async serve(id: string, name: CallName, args: unknown[]): Promise<void> {
    try {
      this.post({ say: 'answer', id, value: await this.run(name, args) })
    } catch (error) {
      this.post({ say: 'answer', id, fault: faultOf(error) })
    }
  }

  private answered(id: string, value: unknown, fault: Fault | undefined): void {
    const call = this.calls.get(id)
    if (fault === undefined) call?.resolve(value)
    else call?.reject(errorOf(fault))
  }

  private async run(name: CallName, args: unknown[]): Promise<unknown> {
    if (this.commands === null) throw new Error('this tab does not lead')
    const command = this.commands[name] as (...given: unknown[]) => Promise<unknown>
    return command(...args)
  }

  private post(notice: Notice): void {
    this.channel.postMessage(notice)
  }
}
