// What this browser keeps: conversations, their newest events, and messages that wait to be sent.
// One IndexedDB database, written by the tab that leads, read by all.
import { openDB, type DBSchema, type IDBPDatabase } from 'idb'
import type { Errand } from './core/errands'
import type { Queued, Record } from './records'
import type { LogEvent, User } from './types'

const VERSION = 2
const STORES = ['meta', 'records', 'events', 'outbox', 'errands', 'people'] as const

interface Schema extends DBSchema {
  meta: { key: 'state'; value: Meta }
  records: { key: string; value: Record }
  events: { key: [conversation: string, seq: number]; value: LogEvent }
  outbox: { key: string; value: Queued }
  errands: { key: string; value: Errand }
  people: { key: string; value: User }
}

/** Whose data it is, and how far it was synced. */
export interface Meta {
  user: User
  cursor: string | null
}

/** Everything but the events. */
export interface Cached {
  meta: Meta | null
  records: Record[]
  outbox: Queued[]
  errands: Errand[]
  people: User[]
}

/** Changes that are kept all or not at all. */
export class Batch {
  meta: Meta | null = null
  readonly records = new Map<string, Record>()
  events: LogEvent[] = []
  /** Conversations of which all events go before `events` come. */
  readonly emptied = new Set<string>()
  readonly forgotten = new Set<string>()
  readonly queued = new Map<string, Queued>()
  readonly unqueued = new Set<string>()
  readonly errands = new Map<string, Errand>()
  readonly undone = new Set<string>()
  readonly people: User[] = []

  /** Whether there is nothing to keep. */
  get empty(): boolean {
    const { records, emptied, forgotten, queued, unqueued, errands, undone } = this
    const sets = [records, emptied, forgotten, queued, unqueued, errands, undone]
    const lists = this.events.length + this.people.length
    return this.meta === null && lists === 0 && sets.every(({ size }) => size === 0)
  }
}

/** The database. Every method may reject: a browser may refuse storage. */
export class Cache {
  private constructor(private readonly db: IDBPDatabase<Schema>) {}

  /** Opens it, made if need be. */
  static async open(name: string): Promise<Cache> {
    const db = await openDB<Schema>(name, VERSION, {
      upgrade(upgraded) {
        // What an older version kept has another form, and the server has it: begin anew.
        for (const store of [...upgraded.objectStoreNames]) upgraded.deleteObjectStore(store)
        upgraded.createObjectStore('meta')
        upgraded.createObjectStore('records', { keyPath: 'id' })
        upgraded.createObjectStore('events', { keyPath: ['conversation', 'seq'] })
        upgraded.createObjectStore('outbox', { keyPath: 'id' })
        upgraded.createObjectStore('errands', { keyPath: 'id' })
        upgraded.createObjectStore('people', { keyPath: 'id' })
      },
      // Another tab has a newer version of this program: do not stand in its way.
      blocking: (_old, _wanted, event) => (event.target as IDBDatabase).close(),
    })
    return new Cache(db)
  }

  /** Forget everything. */
  async clear(): Promise<void> {
    const tx = this.db.transaction(STORES, 'readwrite')
    await Promise.all([...STORES.map((name) => tx.objectStore(name).clear()), tx.done])
  }

  /** Everything but the events. */
  async load(): Promise<Cached> {
    const all = this.db.transaction(['meta', 'records', 'outbox', 'errands', 'people'])
    const [meta, records, outbox, errands, people] = await Promise.all([
      all.objectStore('meta').get('state'),
      all.objectStore('records').getAll(),
      all.objectStore('outbox').getAll(),
      all.objectStore('errands').getAll(),
      all.objectStore('people').getAll(),
    ])
    outbox.sort((a, b) => a.order - b.order)
    errands.sort((a, b) => a.order - b.order)
    return { meta: meta ?? null, records, outbox, errands, people }
  }

  /** Events of a conversation with low < seq < high, ascending; the last `limit` of them. */
  async eventsBefore(
    conversation: string,
    low: number,
    high: number,
    limit: number,
  ): Promise<LogEvent[]> {
    if (high - low <= 1) return []
    const from = Math.max(low, high - limit - 1)
    const range = IDBKeyRange.bound([conversation, from], [conversation, high], true, true)
    return this.db.getAll('events', range)
  }

  /** One event, if it is here. */
  event(conversation: string, seq: number): Promise<LogEvent | undefined> {
    return this.db.get('events', [conversation, seq])
  }

  /** Keep a batch. */
  async keep(batch: Batch): Promise<void> {
    const tx = this.db.transaction(STORES, 'readwrite', {
      // A power cut may take the last changes back; the server still has them.
      durability: 'relaxed',
    })
    const done: Promise<unknown>[] = []
    if (batch.meta !== null) done.push(tx.objectStore('meta').put(batch.meta, 'state'))
    const events = tx.objectStore('events')
    for (const id of new Set([...batch.emptied, ...batch.forgotten])) {
      done.push(events.delete(IDBKeyRange.bound([id, 0], [id, Infinity])))
    }
    for (const event of batch.events) done.push(events.put(event))
    const records = tx.objectStore('records')
    for (const record of batch.records.values()) done.push(records.put(record))
    for (const id of batch.forgotten) done.push(records.delete(id))
    const outbox = tx.objectStore('outbox')
    for (const message of batch.queued.values()) done.push(outbox.put(message))
    for (const id of batch.unqueued) done.push(outbox.delete(id))
    const errands = tx.objectStore('errands')
    for (const errand of batch.errands.values()) done.push(errands.put(errand))
    for (const id of batch.undone) done.push(errands.delete(id))
    const people = tx.objectStore('people')
    for (const user of batch.people) done.push(people.put(user))
    await Promise.all([...done, tx.done])
  }

  /** Drop events of a conversation up to `low`. */
  async trim(record: Record): Promise<void> {
    const tx = this.db.transaction(['records', 'events'], 'readwrite')
    const range = IDBKeyRange.bound([record.id, 0], [record.id, record.low])
    await Promise.all([
      tx.objectStore('events').delete(range),
      tx.objectStore('records').put(record),
      tx.done,
    ])
  }
}
