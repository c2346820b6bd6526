// The whole product on a free port, with a data folder of its own. AGILEIM_URL names one that runs
// already; PYTHON is the interpreter that has the packages (the project's .venv by default).
import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { TestProject } from 'vitest/node'

const PROJECT = fileURLToPath(new URL('../../..', import.meta.url))
const START_MS = 90_000

declare module 'vitest' {
  interface ProvidedContext {
    url: string
    /** Process id of the server; 0 if it is not ours. */
    server: number
  }
}

export default async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const given = process.env['AGILEIM_URL']
  if (given !== undefined) {
    project.provide('url', given)
    project.provide('server', 0)
    return undefined
  }
  const server = await started()
  project.provide('url', server.url)
  project.provide('server', server.pid)
  return server.stop
}

export interface Server {
  url: string
  pid: number
  stop: () => Promise<void>
}

/** A server with a data folder of its own; `environment` besides ours. */
export async function started(environment: Record<string, string> = {}): Promise<Server> {
  if (!existsSync(join(PROJECT, 'clients/web/dist/index.html'))) throw new Error('npm run build first')
  const data = await mkdtemp(join(tmpdir(), 'agileim-e2e-'))
  const python = process.env['PYTHON'] ?? join(PROJECT, '.venv/bin/python')
  const server = spawn(python, ['-m', 'standalone'], {
    cwd: PROJECT,
    env: { ...process.env, AGILEIM_DATA: data, AGILEIM_PORT: '0', ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const url = await ready(server)
  return {
    url,
    pid: server.pid ?? 0,
    stop: async () => {
      const ended = new Promise((resolve) => server.once('exit', resolve))
      server.kill('SIGINT')
      await ended
      await rm(data, { recursive: true, force: true })
    },
  }
}

function ready(server: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = ''
    const late = setTimeout(() => {
      server.kill('SIGINT')
      reject(new Error(`the server did not start:\n${said}`))
    }, START_MS)
    server.once('exit', (code) => reject(new Error(`the server ended (${String(code)}):\n${said}`)))
    server.stdout?.on('data', (chunk: Buffer) => {
      said += chunk.toString()
      const url = /^ready (\S+)$/m.exec(said)?.[1]
      if (url === undefined) return
      clearTimeout(late)
      resolve(url)
    })
  })
}
