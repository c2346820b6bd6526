// Engine, driver, cache and session together, against a small server in memory.
import 'fake-indexeddb/auto'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Cache } from '@/sdk/cache'
import { Engine } from '@/sdk/engine'
import { SignedOut, Unreachable } from '@/sdk/errors'
import { unreadOf, type Queued } from '@/sdk/records'
import { Api } from '@/sdk/rest'
import type { Status, Told } from '@/sdk/told'
import type { LogEvent } from '@/sdk/types'
import { BOB, ME } from './support/events'
import { FakeServer } from './support/fake_server'

/** One run of the program, on a database that outlives it. */
class Run {
  status: Status | null = null
  ended = 0
  readonly events: LogEvent[] = []
  readonly waiting = new Map<string, Queued>()
  readonly forgotten: string[] = []
  readonly faults: string[] = []
  private constructor(
    readonly engine: Engine,
    readonly cache: Cache,
  ) {}

  static async start(database: string): Promise<Run> {
    const cache = await Cache.open(database)
    const cached = await cache.load()
    const tokens = {
      accessToken: () => {
        const { down, revoked, user } = FakeServer.now
        if (down) return Promise.reject(new Unreachable('down'))
        if (revoked) return Promise.reject(new SignedOut('nobody'))
        return Promise.resolve(`x.${btoa(JSON.stringify({ sub: user }))}.x`)
      },
      end: () => Promise.resolve(),
    }
    let run: Run | null = null
    const engine = new Engine({
      origin: 'http://server.test',
      tokens,
      api: new Api('http://server.test', tokens),
      cache,
      cached,
      signOut: () => Promise.resolve(),
      told: (told) => run?.told(told),
      status: (status) => {
        if (run !== null) run.status = status
      },
      ended: () => {
        if (run !== null) run.ended += 1
      },
    })
    run = new Run(engine, cache)
    for (const message of cached.outbox) run.waiting.set(message.id, message)
    runs.push(run)
    void engine.start()
    return run
  }

  send(conversation: string, text: string): Promise<void> {
    const id = crypto.randomUUID()
    const time = new Date().toISOString()
    return this.engine.commands.send({ id, conversation, text, reply_to: null, thread: null, attachments: [], time, failed: '', sent: 0, order: 0 })
  }

  seqs(conversation: string): number[] {
    return this.events.filter((one) => one.conversation === conversation).map((one) => one.seq)
  }

  async connected(): Promise<void> {
    await expect.poll(() => [this.status?.connection, this.status?.syncing]).toEqual(['connected', false])
  }

  private told(told: Told): void {
    this.events.push(...told.events)
    for (const message of told.queued) this.waiting.set(message.id, message)
    for (const id of told.unqueued) this.waiting.delete(id)
    this.forgotten.push(...told.forgotten)
    this.faults.push(...told.faults.map(({ code }) => code))
  }
}

const runs: Run[] = []
let server: FakeServer
let database = ''
let count = 0

beforeEach(() => {
  server = new FakeServer()
  database = `test-${(count += 1)}`
})

afterEach(() => {
  for (const run of runs.splice(0)) run.engine.leave()
  vi.unstubAllGlobals()
})

function upTo(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, at) => first + at)
}

test('a new device gets the newest events of each conversation, then live ones', async () => {
  server.make('c1', 100)
  server.make('c2', 5)
  const run = await Run.start(database)
  await expect.poll(() => run.seqs('c1')).toEqual(upTo(71, 100))
  await expect.poll(() => run.seqs('c2')).toEqual(upTo(1, 5))
  server.sayLive('c1', 'live')
  await expect.poll(() => run.seqs('c1').at(-1)).toBe(101)
  const { records } = await run.cache.load()
  const record = records.find(({ id }) => id === 'c1')
  expect([record?.position, record?.low, record && unreadOf(record)]).toEqual([101, 70, 1])
})

test('a restart goes on where it was: nothing twice, nothing missing', async () => {
  server.make('c1', 3)
  const first = await Run.start(database)
  await expect.poll(() => first.seqs('c1')).toEqual([1, 2, 3])
  first.engine.leave()
  server.say('c1', 'while away')
  const second = await Run.start(database)
  await expect.poll(() => second.seqs('c1')).toEqual([4])
  server.sayLive('c1', 'live')
  await expect.poll(() => second.seqs('c1')).toEqual([4, 5])
})

test('what is sent offline outlives a restart and is delivered once, in order', async () => {
  server.make('c1', 1)
  const first = await Run.start(database)
  await first.connected()
  server.down = true
  server.cut()
  await first.send('c1', 'one')
  await first.send('c1', 'two')
  first.engine.leave()
  const second = await Run.start(database)
  expect([...second.waiting.values()].map((one) => one.text)).toEqual(['one', 'two'])
  server.down = false
  second.engine.wake()
  await expect.poll(() => second.waiting.size).toBe(0)
  expect(server.texts('c1')).toEqual(['m1', 'one', 'two'])
  await expect.poll(() => second.seqs('c1')).toEqual([2, 3])
  expect((await second.cache.load()).outbox).toEqual([])
})

test('a message whose answer got lost is sent again with its id, and exists once', async () => {
  server.make('c1', 1)
  const run = await Run.start(database)
  await run.connected()
  server.swallowSent = 2
  await run.send('c1', 'once')
  await expect.poll(() => run.waiting.size, { timeout: 8000 }).toBe(0)
  expect(server.texts('c1')).toEqual(['m1', 'once'])
  expect(server.frames.filter((frame) => frame.type === 'send').length).toBeGreaterThan(1)
  await expect.poll(() => run.seqs('c1')).toEqual([1, 2])
})

test('a gap in live events is closed', async () => {
  server.make('c1', 2)
  const run = await Run.start(database)
  await expect.poll(() => run.seqs('c1')).toEqual([1, 2])
  server.say('c1', 'lost on the way')
  server.sayLive('c1', 'heard')
  await expect.poll(() => run.seqs('c1')).toEqual([1, 2, 3, 4])
})

test('older pages come from the server once, then from the cache', async () => {
  server.make('c1', 100)
  const run = await Run.start(database)
  await expect.poll(() => run.seqs('c1').length).toBe(30)
  const page = await run.engine.commands.history('c1', { before: 71, limit: 50 })
  expect([page.events.map((one) => one.seq), page.complete]).toEqual([upTo(21, 70), false])
  server.down = true
  server.cut()
  const again = await run.engine.commands.history('c1', { before: 61, limit: 50 })
  expect(again.events.map((one) => one.seq)).toEqual(upTo(21, 60))
  const newer = await run.engine.commands.history('c1', { after: 90, limit: 50 })
  expect([newer.events.map((one) => one.seq), newer.complete]).toEqual([upTo(91, 100), true])
})

test('what was missed by much is history: the newest is shown, no wave of requests', async () => {
  server.make('c1', 10)
  const first = await Run.start(database)
  await expect.poll(() => first.seqs('c1').length).toBe(10)
  first.engine.leave()
  for (let at = 0; at < 5000; at += 1) server.say('c1', `x${at}`)
  server.requests.length = 0
  const second = await Run.start(database)
  await expect.poll(() => second.seqs('c1')).toEqual(upTo(4981, 5010))
  expect(server.requests.filter((line) => line.includes('/events')).length).toBe(1)
  const older = await second.engine.commands.history('c1', { before: 4981, limit: 10 })
  expect(older.events.map((one) => one.seq)).toEqual(upTo(4971, 4980))
})

test('conversations that a full sync does not list are forgotten', async () => {
  server.make('c1', 2)
  server.make('c2', 2)
  const first = await Run.start(database)
  await first.connected()
  first.engine.leave()
  server.logs.delete('c2')
  server.full = true
  const second = await Run.start(database)
  await expect.poll(() => second.forgotten).toEqual(['c2'])
  await expect.poll(async () => (await second.cache.load()).records.map((one) => one.id)).toEqual(['c1'])
})

test("another person's data is gone before anything of theirs is shown", async () => {
  server.make('c1', 2)
  const first = await Run.start(database)
  await first.connected()
  first.engine.leave()
  server.user = BOB
  server.logs.clear()
  server.make('c9', 1)
  const second = await Run.start(database)
  await expect.poll(() => second.seqs('c9')).toEqual([1])
  expect(second.forgotten).toEqual(['c1'])
  const cached = await second.cache.load()
  expect([cached.meta?.user.id, cached.records.map((one) => one.id)]).toEqual([BOB, ['c9']])
  expect(await second.cache.event('c1', 1)).toBeUndefined()
})

test('an ended session stays ended, and keeps nobody connected', async () => {
  server.make('c1', 2)
  const run = await Run.start(database)
  await run.connected()
  server.cut(4504)
  await expect.poll(() => run.status?.signedIn).toBe('out')
  expect([run.ended, run.status?.connection]).toEqual([1, 'closed'])
})

test('signing out forgets everything, with or without a line', async () => {
  server.make('c1', 2)
  const run = await Run.start(database)
  await run.connected()
  server.down = true
  await run.engine.commands.signOut()
  expect(run.status?.signedIn).toBe('out')
  expect(await run.cache.load()).toEqual({ meta: null, records: [], outbox: [], errands: [], people: [] })
  expect(await run.cache.event('c1', 1)).toBeUndefined()
})

test('without a line it says when it tries again, and does so at once when woken', async () => {
  server.down = true
  const run = await Run.start(database)
  await expect.poll(() => run.status?.connection).toBe('waiting')
  expect(run.status?.retryAt).toBeGreaterThan(0)
  server.down = false
  run.engine.wake()
  await run.connected()
  expect(run.status?.user?.id).toBe(ME)
})

test('read marks made without a line reach the server after a restart', async () => {
  server.make('c1', 2)
  const first = await Run.start(database)
  await first.connected()
  server.sayLive('c1', 'new')
  await expect.poll(() => first.seqs('c1').at(-1)).toBe(3)
  server.down = true
  server.cut()
  await first.engine.commands.read('c1', 3, 3)
  await expect.poll(async () => (await first.cache.load()).records[0]?.readSeq).toBe(3)
  first.engine.leave()
  server.down = false
  await Run.start(database)
  const read = { type: 'read', conversation: 'c1', seq: 3 }
  await expect.poll(() => server.frames.filter((frame) => frame.type === 'read')).toEqual([read])
})

async function kept(run: Run, seq: number): Promise<LogEvent | undefined> {
  return run.cache.event('c1', seq)
}

test('what becomes of a message is kept with it, live and after a restart', async () => {
  server.make('c1', 3)
  const first = await Run.start(database)
  await expect.poll(() => first.seqs('c1')).toEqual([1, 2, 3])
  server.changeLive('c1', 'message_edited', { seq: 2, version: 2, text: 'two' })
  server.changeLive('c1', 'reaction_added', { seq: 3, emoji: '👍' })
  await expect.poll(() => kept(first, 3)).toMatchObject({ reactions: [{ emoji: '👍', count: 1 }] })
  expect(await kept(first, 2)).toMatchObject({ text: 'two', version: 2 })
  expect((await first.cache.load()).records[0]?.last).toMatchObject({ seq: 3, reactions: [{}] })
  first.engine.leave()
  server.say('c1', '', { kind: 'message_recalled', body: { seq: 2 } })
  const second = await Run.start(database)
  await expect.poll(() => kept(second, 2)).toMatchObject({ text: '', recalled: true })
  const page = await second.engine.commands.history('c1', { before: 4, limit: 50 })
  expect(page.events).toMatchObject([{ text: 'm1' }, { recalled: true }, { reactions: [{}] }])
})

test('an edit that does not tell its text is asked for', async () => {
  server.make('c1', 2)
  const run = await Run.start(database)
  await run.connected()
  server.present.set('c1 1', { text: 'as it is now', version: 2 })
  server.changeLive('c1', 'message_edited', { seq: 1, version: 2 })
  await expect.poll(() => kept(run, 1)).toMatchObject({ text: 'as it is now', version: 2 })
})

test('pages beyond the cache tell what became of their messages', async () => {
  server.make('c1', 100)
  server.present.set('c1 10', { text: 'ten', version: 2 })
  const run = await Run.start(database)
  await run.connected()
  const { events } = await run.engine.commands.history('c1', { before: 71, limit: 70 })
  expect(events[9]).toMatchObject({ seq: 10, text: 'ten', version: 2 })
  server.changeLive('c1', 'reaction_added', { seq: 10, emoji: '👍' })
  await expect.poll(() => kept(run, 10)).toMatchObject({ text: 'ten', reactions: [{ count: 1 }] })
})

test('a change asked for without a line is done once, when it is back', async () => {
  server.make('c1', 1)
  const first = await Run.start(database)
  await first.connected()
  server.down = true
  server.cut()
  const errand = { id: 'e1', conversation: 'c1', seq: 1, order: 0 }
  await first.engine.commands.ask({ ...errand, deed: { do: 'react', emoji: '👍' } })
  first.engine.leave()
  server.down = false
  const second = await Run.start(database)
  await expect.poll(() => kept(second, 1)).toMatchObject({ reactions: [{ emoji: '👍', mine: true }] })
  await expect.poll(async () => (await second.cache.load()).errands).toEqual([])
  expect(server.requests.filter((one) => one.startsWith('PUT'))).toHaveLength(1)
})

test('a change that is refused is told and forgotten', async () => {
  server.make('c1', 1)
  server.refuseEdits = true
  const run = await Run.start(database)
  await run.connected()
  const deed = { do: 'edit' as const, text: 'x', version: 1 }
  await run.engine.commands.ask({ id: 'e1', conversation: 'c1', seq: 1, order: 0, deed })
  await expect.poll(() => run.faults).toEqual(['stale'])
  expect((await run.cache.load()).errands).toEqual([])
})
