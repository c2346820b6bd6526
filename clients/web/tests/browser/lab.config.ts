import { fileURLToPath } from 'node:url'
import { defineConfig, mergeConfig } from 'vite'
import vite from '../../vite.config.ts'

export default mergeConfig(
  vite,
  defineConfig({
    root: fileURLToPath(new URL('.', import.meta.url)),
    logLevel: 'warn',
    build: {
      outDir: fileURLToPath(new URL('../../node_modules/lab-build', import.meta.url)),
      emptyOutDir: true,
      rollupOptions: { input: fileURLToPath(new URL('index.html', import.meta.url)) },
    },
  }),
)
