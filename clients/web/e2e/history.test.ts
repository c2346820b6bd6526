import { afterAll, beforeAll, expect, test } from 'vitest'
import { bubble, chatWith, composer, House, openConversation, say, type Someone } from './people'

const COUNT = 230
const house = new House()
let mei: Someone
let alex: Someone

beforeAll(async () => {
  mei = await house.person('Mei')
  alex = await house.person('Alex')
  await chatWith(mei, alex)
  for (let i = 1; i <= COUNT; i++) await say(mei.page, `message ${String(i)}`)
  await bubble(mei.page, `message ${String(COUNT)}`).locator('[data-status=sent], [data-status=delivered]').waitFor()
}, 240_000)
afterAll(() => house.close())

test('opens at the first unread message, and reads on from there', async () => {
  await openConversation(alex.page, 'Mei')
  await alex.page.locator('.column ol > li').first().waitFor()
  expect(await alex.page.locator('.column ol > li').count()).toBeLessThan(200)
  await alex.page.locator('.down').click()
  await bubble(alex.page, `message ${String(COUNT)}`).waitFor()
})

test('stays put while older pages load, up to the beginning', async () => {
  const { page } = mei
  await page.reload()
  await bubble(page, `message ${String(COUNT)}`).waitFor()
  const scroller = page.locator('.scroller')
  // What is in view stays in view by the pixel while rows come in above it.
  for (let turn = 0; turn < 60; turn++) {
    if (await page.getByText('This is the beginning').isVisible()) break
    const moved = await scroller.evaluate(async (at) => {
      const frame = (): Promise<unknown> => new Promise((resolve) => requestAnimationFrame(resolve))
      at.scrollTop -= 400
      await frame()
      const edge = at.getBoundingClientRect().top
      const rows = [...at.querySelectorAll<HTMLElement>('[data-seq]')]
      const mark = rows.find((row) => row.getBoundingClientRect().bottom > edge + 10)
      const before = mark?.getBoundingClientRect().top ?? 0
      for (let i = 0; i < 12; i++) await frame()
      if (mark === undefined || !mark.isConnected) return 0
      return Math.abs(mark.getBoundingClientRect().top - before)
    })
    expect(moved).toBeLessThan(2)
    expect(await page.locator('.column ol > li').count()).toBeLessThan(260)
  }
  await page.getByText('This is the beginning').waitFor()
  await bubble(page, 'message 1').waitFor()
})

test('what comes in meanwhile does not move the view, and is counted', async () => {
  const { page } = mei
  const top = await page.locator('.scroller').evaluate((at) => at.scrollTop)
  await openConversation(alex.page, 'Mei')
  await say(alex.page, 'are you still reading?')
  await page.getByRole('button', { name: '1 new message below' }).waitFor()
  expect(await page.locator('.scroller').evaluate((at) => at.scrollTop)).toBe(top)
  await page.getByRole('button', { name: '1 new message below' }).click()
  await bubble(page, 'are you still reading?').waitFor()
  await composer(page).waitFor()
})
