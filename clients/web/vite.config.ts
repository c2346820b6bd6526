import { fileURLToPath } from 'node:url'
import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vite'
import { emoji } from './scripts/emoji.mjs'
import { serviceWorker } from './scripts/service_worker.mjs'

const server = process.env['AGILEIM_URL'] ?? 'http://127.0.0.1:8080'

export default defineConfig({
  plugins: [vue(), emoji(), serviceWorker()],
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  build: {
    target: 'es2022',
    // The content security policy allows no inline script and no data: fonts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 400,
  },
  server: {
    proxy: {
      '/v1': server,
      '/connect': server,
      '/static': server,
      '/.well-known': server,
      '/ws': { target: server, ws: true },
    },
  },
})
