// As an installed app: it starts without a network, notifies, and lists the devices.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { findings } from './axe'
import { bubble, chatWith, House, say, type Someone } from './people'

const house = new House()
let mei: Someone
let alex: Someone

beforeAll(async () => {
  mei = await house.person('Mei')
  alex = await house.person('Alex')
  await chatWith(mei, alex)
  await say(mei.page, 'kept for later')
  await bubble(mei.page, 'kept for later').locator('[data-status=sent], [data-status=delivered]').waitFor()
})
afterAll(() => house.close())

test('can be installed', async () => {
  const { page } = mei
  const manifest = await page.evaluate(async () => {
    const link = document.querySelector<HTMLLinkElement>('link[rel=manifest]')
    const told = (await (await fetch(link?.href ?? '')).json()) as { name: string; display: string; icons: { src: string; sizes: string }[] }
    const icons = await Promise.all(told.icons.map(async ({ src }) => (await fetch(src)).headers.get('content-type')))
    return { ...told, icons }
  })
  expect(manifest).toMatchObject({ name: 'AgileIM', display: 'standalone' })
  expect(manifest.icons).toEqual(['image/svg+xml', 'image/png', 'image/png', 'image/png'])
})

test('starts without a network, shows what it has, and sends when back', async () => {
  const { page } = mei
  await page.evaluate(() => navigator.serviceWorker.ready)
  await page.waitForFunction(() => navigator.serviceWorker.controller !== null)
  await page.context().setOffline(true)
  await page.reload()
  await bubble(page, 'kept for later').waitFor()
  await page.getByText('You are offline').waitFor()
  await say(page, 'written without a network')
  await bubble(page, 'written without a network').locator('[data-status=queued]').waitFor()
  await page.context().setOffline(false)
  await bubble(page, 'written without a network').locator('[data-status=sent], [data-status=delivered]').waitFor()
  house.takeFaults() // the browser reports the cut line itself
})

test('tells who looks elsewhere, once, and counts on the title', async () => {
  const { page } = alex
  await page.context().grantPermissions(['notifications'])
  await page.reload()
  await page.locator('nav.side .row').first().waitFor()
  await page.keyboard.press('Alt+s')
  await page.getByRole('switch', { name: /Show notifications/ }).check()
  await page.keyboard.press('Escape')
  await page.evaluate(() => {
    document.hasFocus = () => false
  })
  await say(mei.page, 'are you **there**?')
  const shown = (): Promise<{ title: string; body: string }[]> =>
    page.evaluate(async () => {
      const registration = await navigator.serviceWorker.ready
      return (await registration.getNotifications()).map(({ title, body }) => ({ title, body }))
    })
  await expect.poll(shown, { timeout: 10_000 }).toEqual([{ title: 'Mei', body: 'are you there?' }])
  expect(await page.title()).toMatch(/^\(\d+\) AgileIM$/)
})

test('lists the devices, and signs another one out', async () => {
  const { page } = mei
  const other = await house.page()
  await other.goto(page.url().split('#')[0] ?? '')
  await other.getByRole('button', { name: 'Sign in' }).click()
  await other.fill('[name=handle]', mei.handle)
  await other.fill('[name=password]', 'correct horse 7 staple')
  await other.click('button[type=submit]')
  await other.locator('nav.side').waitFor()
  await page.keyboard.press('Alt+s')
  await page.getByRole('button', { name: 'Devices' }).click()
  await page.getByText('this device').waitFor()
  expect(await findings(page)).toEqual([])
  await page.getByRole('button', { name: 'Sign out Chrome, Linux' }).first().click()
  await other.getByRole('button', { name: 'Sign in' }).waitFor()
  await page.keyboard.press('Escape')
  house.takeFaults() // the browser reports the answers 401 itself
})
