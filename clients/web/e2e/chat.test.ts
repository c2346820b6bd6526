import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bubble, chatWith, composer, House, openConversation, say, type Someone } from './people'

const house = new House()
let mei: Someone
let alex: Someone

beforeAll(async () => {
  mei = await house.person('Mei')
  alex = await house.person('Alex')
  await chatWith(mei, alex)
})
afterAll(() => house.close())

describe('two people in two browsers', () => {
  test('see each other typing, online, and what was said', async () => {
    await say(mei.page, 'Hello Alex')
    await openConversation(alex.page, 'Mei')
    await bubble(alex.page, 'Hello Alex').waitFor()
    await alex.page.locator('main header .state.online').waitFor()
    await composer(alex.page).pressSequentially('Hello ')
    await mei.page.getByText('Alex is typing').waitFor()
    await composer(alex.page).pressSequentially('Mei')
    await composer(alex.page).press('Enter')
    await bubble(mei.page, 'Hello Mei').waitFor()
    await mei.page.getByText('Alex is typing').waitFor({ state: 'detached' })
  })

  test('see how far a message has got', async () => {
    await openConversation(alex.page, 'Mei')
    await say(mei.page, 'Did you read this?')
    await bubble(mei.page, 'Did you read this?').locator('[data-status=read]').waitFor()
  })

  test('count what is unread until it is seen', async () => {
    await alex.page.goto('about:blank')
    await say(mei.page, 'One for later')
    await say(mei.page, 'And another')
    await bubble(mei.page, 'And another').locator('[data-status=sent]').waitFor()
    await alex.page.goBack()
    // Opened again at its own address: the line stands before the first of the two.
    await bubble(alex.page, 'And another').waitFor()
    const rows = await alex.page.locator('.column ol > li').allInnerTexts()
    const line = rows.findIndex((row) => row.includes('New messages'))
    expect(rows[line + 1]).toContain('One for later')
    await bubble(mei.page, 'And another').locator('[data-status=read]').waitFor()
  })

  test('text is never markup, and only web addresses are links', async () => {
    const text = '<img src=x onerror=alert(1)> javascript:alert(1) https://example.org/a_(b).'
    await say(mei.page, text)
    const shown = alex.page.locator('.bubble').filter({ hasText: 'onerror' })
    await shown.waitFor()
    expect(await shown.locator('img').count()).toBe(0)
    const links = shown.locator('a')
    expect(await links.count()).toBe(1)
    expect(await links.getAttribute('href')).toBe('https://example.org/a_(b)')
    expect(await links.getAttribute('rel')).toContain('noopener')
  })

  test('a reload keeps the conversation, the draft and the sign-in', async () => {
    await composer(mei.page).fill('half a thou')
    await mei.page.reload()
    await bubble(mei.page, 'Hello Mei').waitFor()
    expect(await composer(mei.page).inputValue()).toBe('half a thou')
    await composer(mei.page).fill('')
    await say(mei.page, 'after the reload')
    await bubble(alex.page, 'after the reload').waitFor()
  })

  test('what is written offline is sent once, when back', async () => {
    await mei.page.context().setOffline(true)
    await mei.page.getByText('You are offline').waitFor()
    await say(mei.page, 'written offline')
    await bubble(mei.page, 'written offline').locator('[data-status=queued]').waitFor()
    await mei.page.context().setOffline(false)
    await bubble(alex.page, 'written offline').waitFor()
    await bubble(mei.page, 'written offline').locator('[data-status=read]').waitFor()
    expect(await bubble(alex.page, 'written offline').count()).toBe(1)
    expect(await bubble(mei.page, 'written offline').count()).toBe(1)
    house.takeFaults() // the browser reports the cut line itself
  })
})

function notice(who: Someone, text: string): Promise<void> {
  return who.page.locator('li.notice').filter({ hasText: text }).waitFor()
}

describe('a group', () => {
  test('is made, renamed, handed over and left', async () => {
    await mei.page.locator('nav.side header').getByRole('button', { name: 'New group' }).click()
    await mei.page.getByRole('textbox', { name: 'Name of the group' }).fill('Greenhouse')
    await mei.page.getByRole('checkbox', { name: /Alex/ }).check()
    await mei.page.getByRole('button', { name: 'Create group' }).click()
    await mei.page.locator('main header .title').filter({ hasText: 'Greenhouse' }).waitFor()
    await openConversation(alex.page, 'Greenhouse')
    await say(alex.page, 'nice group')
    await bubble(mei.page, 'nice group').waitFor()

    await mei.page.keyboard.press('Alt+i')
    await mei.page.getByRole('button', { name: 'Rename' }).click()
    await mei.page.getByRole('textbox', { name: 'Name of the group' }).fill('Glasshouse')
    await mei.page.getByRole('button', { name: 'Save' }).click()
    await alex.page.locator('main header .title').filter({ hasText: 'Glasshouse' }).waitFor()
    await notice(alex, 'Mei renamed the group')

    await mei.page.getByRole('button', { name: 'Actions for Alex' }).click()
    await mei.page.getByRole('button', { name: 'Hand group over' }).click()
    await mei.page.getByRole('alertdialog').getByRole('button', { name: 'Hand group over' }).click()
    await notice(alex, 'handed the group over to You')
    await mei.page.getByRole('button', { name: 'Leave group' }).click()
    await mei.page.getByRole('alertdialog').getByRole('button', { name: 'Leave group' }).click()
    await notice(alex, 'Mei left')
    await mei.page.locator('nav.side .row').filter({ hasText: 'Glasshouse' }).waitFor({ state: 'detached' })
  })
})
