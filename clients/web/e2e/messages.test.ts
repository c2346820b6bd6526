// What becomes of messages: two people in two browsers.
import type { Locator, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { findings } from './axe'
import { bubble, chatWith, composer, House, openConversation, say, type Someone } from './people'

const house = new House()
let mei: Someone
let alex: Someone

beforeAll(async () => {
  mei = await house.person('Mei')
  alex = await house.person('Alex')
  await chatWith(mei, alex)
  await say(mei.page, 'Lunch at noon?')
  await openConversation(alex.page, 'Mei')
  await bubble(alex.page, 'Lunch at noon?').waitFor()
})
afterAll(() => house.close())

function row(page: Page, text: string): Locator {
  return page.locator('.message').filter({ has: page.getByText(text, { exact: true }) }).last()
}

/** Something from the menu of a message. */
async function choose(page: Page, text: string, action: string): Promise<void> {
  await row(page, text).locator('.bubble').click({ button: 'right' })
  await page.getByRole('menuitem', { name: action, exact: true }).click()
}

test('a reply quotes the message and leads to it', async () => {
  await choose(alex.page, 'Lunch at noon?', 'Reply')
  await alex.page.getByText('Replying to Mei').waitFor()
  await say(alex.page, 'Yes please')
  expect(await alex.page.getByText('Replying to Mei').count()).toBe(0)
  const answer = row(mei.page, 'Yes please')
  await answer.locator('.quote').filter({ hasText: 'Lunch at noon?' }).click()
  await mei.page.locator('.message.flash').filter({ hasText: 'Lunch at noon?' }).waitFor()
})

test('reactions are counted live, and taken back by another click', async () => {
  await row(alex.page, 'Lunch at noon?').locator('.bubble').click({ button: 'right' })
  await alex.page.getByRole('menuitemcheckbox', { name: 'React with 🎉' }).click()
  const chip = row(mei.page, 'Lunch at noon?').locator('.chip').filter({ hasText: '🎉' })
  await chip.click()
  await chip.filter({ hasText: '2' }).waitFor()
  await row(alex.page, 'Lunch at noon?').locator('.chip[aria-pressed=true]').filter({ hasText: '2' }).waitFor()
  await chip.click()
  await row(alex.page, 'Lunch at noon?').locator('.chip').filter({ hasText: '1' }).waitFor()
})

test('the emoji picker finds by name, for reactions and for writing', async () => {
  await choose(mei.page, 'Yes please', 'React')
  await mei.page.getByRole('dialog', { name: 'Emoji' }).waitFor()
  await mei.page.getByRole('searchbox', { name: 'Search emoji' }).fill('rocket')
  await mei.page.getByRole('button', { name: 'rocket', exact: true }).waitFor()
  expect(await findings(mei.page)).toEqual([])
  await mei.page.keyboard.press('Enter')
  await row(alex.page, 'Yes please').locator('.chip').filter({ hasText: '🚀' }).waitFor()
  await mei.page.getByRole('button', { name: 'Emoji' }).click()
  await mei.page.getByRole('searchbox', { name: 'Search emoji' }).fill('steaming bowl')
  await mei.page.keyboard.press('Enter')
  expect(await composer(mei.page).inputValue()).toBe('🍜')
  await composer(mei.page).fill('')
})

test('the arrow up edits the last own message, for both', async () => {
  await say(mei.page, 'At the canteeen')
  await bubble(alex.page, 'At the canteeen').waitFor()
  await composer(mei.page).press('ArrowUp')
  expect(await composer(mei.page).inputValue()).toBe('At the canteeen')
  await composer(mei.page).fill('At the canteen')
  await composer(mei.page).press('Enter')
  await row(alex.page, 'At the canteen').locator('.meta').filter({ hasText: 'edited' }).waitFor()
  expect(await bubble(alex.page, 'At the canteeen').count()).toBe(0)
  expect(await composer(mei.page).inputValue()).toBe('')
})

test('a pinned message stands above the history of both, until it is unpinned', async () => {
  await choose(mei.page, 'At the canteen', 'Pin for everybody')
  const bar = alex.page.locator('.pins')
  await bar.filter({ hasText: 'At the canteen' }).click()
  await alex.page.locator('.message.flash').filter({ hasText: 'At the canteen' }).waitFor()
  await choose(alex.page, 'At the canteen', 'Unpin')
  await mei.page.locator('.pins').waitFor({ state: 'detached' })
})

test('a recalled message is gone for both, after a reload too', async () => {
  await say(mei.page, 'not for you')
  await bubble(alex.page, 'not for you').waitFor()
  await choose(mei.page, 'not for you', 'Recall')
  await mei.page.getByRole('alertdialog').getByRole('button', { name: 'Recall' }).click()
  await bubble(alex.page, 'This message was recalled').waitFor()
  await alex.page.reload()
  await bubble(alex.page, 'This message was recalled').waitFor()
  await row(alex.page, 'Lunch at noon?').locator('.chip').filter({ hasText: '🎉' }).waitFor()
  expect(await bubble(alex.page, 'not for you').count()).toBe(0)
})

test('Markdown is drawn, and never as HTML', async () => {
  await say(mei.page, '**bold** and `co<b>de`\n> quoted\n- one\n- two\n```\nx = <i>1</i>\n```')
  const shown = alex.page.locator('.bubble').filter({ hasText: 'quoted' })
  await shown.locator('strong').filter({ hasText: 'bold' }).waitFor()
  expect(await shown.locator('blockquote').innerText()).toBe('quoted')
  expect(await shown.locator('li').allInnerTexts()).toEqual(['one', 'two'])
  expect(await shown.locator('pre').innerText()).toBe('x = <i>1</i>')
  expect(await shown.locator('i, b').count()).toBe(0)
})

test('with the keyboard alone', async () => {
  const { page } = alex
  await page.keyboard.press('Alt+h')
  await page.keyboard.press('ArrowUp')
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('Enter')
  await page.getByRole('menu').waitFor()
  expect(await findings(page)).toEqual([])
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('Enter')
  await page.getByText('Replying to Mei').waitFor()
  await page.keyboard.type('by keys')
  await page.keyboard.press('Enter')
  await row(mei.page, 'by keys').locator('.quote').waitFor()
})

test('a reaction made offline shows at once and is there for the other when back', async () => {
  await mei.page.context().setOffline(true)
  await mei.page.getByText('You are offline').waitFor()
  await row(mei.page, 'by keys').locator('.bubble').click({ button: 'right' })
  await mei.page.getByRole('menuitemcheckbox', { name: 'React with 👍' }).click()
  await row(mei.page, 'by keys').locator('.chip').filter({ hasText: '👍' }).waitFor()
  await mei.page.context().setOffline(false)
  await row(alex.page, 'by keys').locator('.chip').filter({ hasText: '👍' }).waitFor()
  expect(await row(mei.page, 'by keys').locator('.chip').filter({ hasText: '👍' }).innerText()).toContain('1')
  house.takeFaults() // the browser reports the cut line itself
})
