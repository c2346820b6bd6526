import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

// In a real browser against a real server: `npm run e2e`. Builds nothing: `npm run build` first.
export default defineConfig({
  root: fileURLToPath(new URL('..', import.meta.url)),
  test: {
    include: ['e2e/**/*.test.ts'],
    globalSetup: ['e2e/server.ts'],
    environment: 'node',
    fileParallelism: false,
    testTimeout: 90_000,
    hookTimeout: 120_000,
  },
})
