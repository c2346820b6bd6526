// The generated types are those of the documents: `npm run types` writes them anew.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { framesOf } from '../scripts/types.mjs'

test('frames.ts is what docs/asyncapi.json says', async () => {
  const written = new URL('../src/sdk/generated/frames.ts', import.meta.url)
  expect(readFileSync(written, 'utf8')).toBe(await framesOf())
})
