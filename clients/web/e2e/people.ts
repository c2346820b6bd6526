// People with browsers: each has a context of their own, registers on the real pages, and must not
// see an error in the console.
import { chromium, type Browser, type BrowserContextOptions, type Locator, type Page } from 'playwright-core'
import { expect, inject } from 'vitest'

const PASSWORD = 'correct horse 7 staple'
const CHROMIUM = process.env['CHROMIUM'] ?? '/usr/bin/chromium'
const WAIT_MS = 20_000

export const PHONE: BrowserContextOptions = {
  viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true,
}

/** `person` has a browser of their own, signed in. */
export interface Someone {
  handle: string
  name: string
  page: Page
}

export class House {
  private browser: Browser | null = null
  private readonly faults: string[] = []
  private count = 0

  /** Register somebody and wait for the chat. */
  async person(name: string, options: BrowserContextOptions = {}): Promise<Someone> {
    const page = await this.page(options)
    this.count += 1
    const handle = `${name.toLowerCase()}.${Date.now().toString(36)}${String(this.count)}`
    await page.goto(inject('url'))
    await page.locator('.welcome .button').nth(1).click()
    await page.fill('[name=handle]', handle)
    await page.fill('[name=display_name]', name)
    await page.fill('[name=password]', PASSWORD)
    await page.click('button[type=submit]')
    await page.locator('nav.side').waitFor({ timeout: WAIT_MS })
    return { handle, name, page }
  }

  async page(options: BrowserContextOptions = {}): Promise<Page> {
    this.browser ??= await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] })
    const context = await this.browser.newContext({
      viewport: { width: 1280, height: 800 }, locale: 'en-GB', ...options,
    })
    context.setDefaultTimeout(WAIT_MS)
    const page = await context.newPage()
    page.on('pageerror', (error) => this.faults.push(error.message))
    page.on('console', (message) => {
      if (message.type() !== 'error' && message.type() !== 'warning') return
      // The browser's own words about a line that a test has cut.
      if (/ERR_INTERNET_DISCONNECTED|ERR_NETWORK_CHANGED/.test(message.text())) return
      this.faults.push(message.text())
    })
    return page
  }

  /** Errors in any console so far; forgets them. */
  takeFaults(): string[] {
    return this.faults.splice(0)
  }

  async close(): Promise<void> {
    await this.browser?.close()
    expect(this.takeFaults()).toEqual([])
  }
}

/** Open a direct conversation by handle, with the dialog. */
export async function chatWith(one: Someone, other: Someone): Promise<void> {
  await one.page.locator('nav.side header').getByRole('button', { name: 'New chat' }).click()
  await one.page.getByRole('textbox', { name: 'Handle' }).fill(other.handle)
  await one.page.getByRole('button', { name: 'Find' }).click()
  await composer(one.page).waitFor()
}

export function composer(page: Page): Locator {
  return page.locator('#composer')
}

export async function say(page: Page, text: string): Promise<void> {
  await composer(page).fill(text)
  await page.locator('form.composer .send').click()
}

/** The bubble with exactly this text. */
export function bubble(page: Page, text: string): Locator {
  return page.locator('.bubble').filter({ has: page.getByText(text, { exact: true }) })
}

export async function openConversation(page: Page, title: string): Promise<void> {
  await page.locator('nav.side .row').filter({ hasText: title }).first().click()
  await composer(page).waitFor()
}
