// The session is in a cookie that no script can read, and outlives the page but not a sign-out.
import type { Cookie, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { House, type Someone } from './people'

const house = new House()
let ann: Someone

beforeAll(async () => {
  ann = await house.person('Ann')
})
afterAll(() => house.close())

/** The session's cookie. */
async function held(page: Page): Promise<Cookie | undefined> {
  const cookies = await page.context().cookies()
  return cookies.find(({ name }) => name.endsWith('agileim_refresh'))
}

/** What the page asks auth for, from now on. */
function grantsOf(page: Page): string[] {
  const grants: string[] = []
  page.on('request', (request) => {
    const form = new URLSearchParams(request.postData() ?? '')
    if (request.url().endsWith('/connect/token')) grants.push(form.get('grant_type') ?? '')
  })
  return grants
}

test('no script sees the refresh token', async () => {
  const cookie = await held(ann.page)
  expect(cookie?.httpOnly).toBe(true)
  expect(cookie?.sameSite).toBe('Strict')
  expect(await ann.page.evaluate(() => document.cookie)).toBe('')
  expect(await ann.page.evaluate(() => JSON.stringify(localStorage))).not.toContain(cookie?.value)
})

test('a reload goes on with the same session', async () => {
  const before = (await held(ann.page))?.value
  const grants = grantsOf(ann.page)
  await ann.page.reload()
  await ann.page.locator('nav.side').waitFor()
  await expect.poll(() => grants).toEqual(['refresh_token'])
  await expect.poll(async () => (await held(ann.page))?.value).not.toBe(before)
})

test('an answer that is lost costs nothing', async () => {
  let lost = 0
  await ann.page.route('**/connect/token', async (route) => {
    if (lost++ > 0) return route.fallback()
    await route.fetch() // auth has done it, the page does not learn it
    await route.abort('internetdisconnected')
  })
  const grants = grantsOf(ann.page)
  await ann.page.reload()
  await ann.page.locator('nav.side').waitFor()
  await expect.poll(() => grants, { timeout: 15_000 }).toEqual(['refresh_token', 'refresh_token'])
  await ann.page.unroute('**/connect/token')
})

test("signing out on auth's own page signs the client out", async () => {
  const other = await ann.page.context().newPage()
  await other.goto(`${inject('url')}/connect/signout`)
  await other.locator('form button').click()
  await ann.page.getByRole('button', { name: 'Sign in' }).waitFor()
  await expect.poll(() => held(ann.page)).toBeUndefined()
  await other.close()
})

test('the next person at this computer gets a session of their own', async () => {
  const { page } = ann
  await page.getByRole('button', { name: 'Create' }).click()
  const handle = `eve.${Date.now().toString(36)}`
  await page.fill('[name=handle]', handle)
  await page.fill('[name=display_name]', 'Eve')
  await page.fill('[name=password]', 'correct horse 7 staple')
  await page.click('button[type=submit]')
  await page.locator('nav.side').waitFor()
  await page.keyboard.press('Alt+s')
  await page.getByRole('dialog').getByText(`@${handle}`).waitFor()
  expect((await held(page))?.value).toBeTruthy()
})
