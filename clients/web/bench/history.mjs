// Measures the web client in Chromium; started by bench/web.py, which talks to it in lines of JSON.
//   → {"registered": handle}        ← {"conversation": id}
//   → {"receiving": true}           ← {"sent": number}
//   → {"figures": {…}}
import { createInterface } from 'node:readline'
import { chromium } from 'playwright-core'

const [url, password] = process.argv.slice(2)
const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium'
const WHEEL_PX = 400
const SCROLLS = 500

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const tell = (what) => process.stdout.write(`${JSON.stringify(what)}\n`)
const hear = async () => JSON.parse((await lines.next()).value)

const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] })
const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: 'en-GB' })
const page = await context.newPage()
const devtools = await context.newCDPSession(page)
await devtools.send('Performance.enable')
page.on('console', (message) => message.type() === 'error' && process.stderr.write(`${message.text()}\n`))
page.on('pageerror', (error) => process.stderr.write(`${error.stack}\n`))

await page.goto(url)
await page.locator('.welcome .button').nth(1).waitFor()
// As it comes over the line: later the service worker gives it, unpacked.
const scriptKb = await page.evaluate(() =>
  Math.round(performance.getEntriesByType('resource').filter((one) => /\.js$/.test(one.name)).reduce((sum, one) => sum + one.encodedBodySize, 0) / 102.4) / 10)
await page.locator('.welcome .button').nth(1).click()
const handle = `ann.${Date.now().toString(36)}`
await page.fill('[name=handle]', handle)
await page.fill('[name=display_name]', 'Ann')
await page.fill('[name=password]', password)
await page.click('button[type=submit]')
await page.locator('nav.side').waitFor()
tell({ registered: handle })
const { conversation } = await hear()

/** From the beginning of the navigation until a message is shown and the field takes text. */
async function load(address) {
  await page.goto('about:blank')
  const begun = Date.now()
  await page.goto(address)
  await page.waitForFunction(() => document.querySelector('.column .message') && document.querySelector('#composer'), null, { polling: 'raf' })
  return Date.now() - begun
}

/** Frames: how far apart, and how long the main thread worked on each. */
async function startFrames() {
  await page.evaluate(() => {
    const frames = { gaps: [], work: [], last: 0, on: true }
    globalThis.frames_ = frames
    const turn = (at) => {
      if (!frames.on) return
      if (frames.last > 0) frames.gaps.push(at - frames.last)
      frames.last = at
      const channel = new MessageChannel()
      channel.port1.onmessage = () => frames.work.push(performance.now() - at)
      channel.port2.postMessage(0)
      requestAnimationFrame(turn)
    }
    requestAnimationFrame(turn)
  })
}

async function stopFrames() {
  const { gaps, work } = await page.evaluate(() => {
    globalThis.frames_.on = false
    return { gaps: globalThis.frames_.gaps, work: globalThis.frames_.work }
  })
  return { frames: gaps.length, gap_ms: spread(gaps), work_ms: spread(work) }
}

function spread(values) {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (part) => Math.round((sorted[Math.floor(part * (sorted.length - 1))] ?? 0) * 10) / 10
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) }
}

async function memory() {
  await devtools.send('HeapProfiler.collectGarbage')
  const { metrics } = await devtools.send('Performance.getMetrics')
  const of = (name) => metrics.find((one) => one.name === name)?.value ?? 0
  return { heap_mb: Math.round(of('JSHeapUsedSize') / 1e5) / 10, nodes: of('Nodes') }
}

const address = `${url}/#/c/${conversation}`
const figures = { script_kb: scriptKb, first_load_ms: await load(address) }
await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined))
const warm = []
for (let turn = 0; turn < 5; turn++) warm.push(await load(address))
figures.warm_load_ms = spread(warm)

const scroller = page.locator('.scroller')
await page.waitForTimeout(1500)
figures.before = await memory()
const box = await scroller.boundingBox()
await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2)
await startFrames()
for (let turn = 0; turn < SCROLLS; turn++) {
  await page.mouse.wheel(0, -WHEEL_PX)
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(done)))
}
figures.scrolling = await stopFrames()
figures.scrolled_to_seq = await page.evaluate(() => Number(document.querySelector('.column [data-seq]')?.dataset.seq))
figures.after_scrolling = await memory()

await page.locator('.down').click()
await page.waitForTimeout(1000)
await startFrames()
tell({ receiving: true })
const typed = []
const done = hear()
let sent = null
void done.then((answer) => (sent = answer.sent))
while (sent === null) {
  const begun = Date.now()
  await page.locator('#composer').pressSequentially('x')
  typed.push(Date.now() - begun)
  await page.waitForTimeout(200)
}
await page.locator('.column .message').getByText(`live ${String(sent)}`, { exact: true }).waitFor()
figures.receiving = { ...(await stopFrames()), key_ms: spread(typed), messages: sent }
figures.after_receiving = await memory()
tell({ figures })
await browser.close()
process.exit(0)
