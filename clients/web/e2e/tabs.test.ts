// Several tabs of one person share one session and one socket.
import type { Page } from 'playwright-core'
import { afterAll, expect, test } from 'vitest'
import { House, bubble, chatWith, openConversation, say, type Someone } from './people'

const house = new House()
let ann: Someone
let bob: Someone
let second: Page
let sockets = 0

afterAll(() => house.close())

test('a second tab shows the same, over the same socket', async () => {
  ann = await house.person('Ann')
  bob = await house.person('Bob')
  await chatWith(ann, bob)
  await say(ann.page, 'from the first tab')
  second = await ann.page.context().newPage()
  second.on('websocket', () => (sockets += 1))
  await second.goto(ann.page.url())
  await bubble(second, 'from the first tab').waitFor()
  await say(second, 'from the second tab')
  await bubble(ann.page, 'from the second tab').waitFor()
  await openConversation(bob.page, 'Ann')
  await say(bob.page, 'for both')
  await bubble(ann.page, 'for both').waitFor()
  await bubble(second, 'for both').waitFor()
  expect(sockets).toBe(0)
})

test('when the first one is closed, the second one goes on', async () => {
  await ann.page.close()
  await say(second, 'still here')
  await bubble(bob.page, 'still here').waitFor()
  await say(bob.page, 'me too')
  await bubble(second, 'me too').waitFor()
  expect(sockets).toBe(1)
  expect(await bubble(second, 'still here').count()).toBe(1)
  expect(await bubble(bob.page, 'still here').count()).toBe(1)
})

test('no token is kept where a script could find it', async () => {
  const kept = await second.evaluate(async () => {
    const found = [JSON.stringify(localStorage), JSON.stringify(sessionStorage), document.cookie]
    for (const { name } of await indexedDB.databases()) {
      const db = await new Promise<IDBDatabase>((resolve) => {
        const opening = indexedDB.open(name ?? '')
        opening.onsuccess = () => resolve(opening.result)
      })
      for (const store of db.objectStoreNames) {
        const rows = await new Promise<unknown>((resolve) => {
          const reading = db.transaction(store).objectStore(store).getAll()
          reading.onsuccess = () => resolve(reading.result)
        })
        found.push(JSON.stringify(rows))
      }
      db.close()
    }
    return found.join('\n')
  })
  expect(kept).toContain('still here')
  expect(kept).not.toMatch(/eyJ[\w-]+\.|access_token|refresh_token|verifier/)
})

test('signing out in one tab signs out all', async () => {
  const third = await second.context().newPage()
  await third.goto(second.url())
  await bubble(third, 'me too').waitFor()
  await third.keyboard.press('Alt+s')
  await third.getByRole('dialog').getByRole('button', { name: /Sign out/ }).click()
  await third.getByRole('alertdialog').getByRole('button', { name: 'Sign out' }).click()
  for (const page of [third, second]) await page.getByRole('button', { name: 'Sign in' }).waitFor()
  expect(await bubble(second, 'me too').count()).toBe(0)
})
