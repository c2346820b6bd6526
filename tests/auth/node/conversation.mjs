// A test's end of the line: one JSON value a line, on stdin and stdout.
import { createInterface } from 'node:readline'

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()

/** What the test tells next. */
export async function told() {
  const { value, done } = await lines.next()
  if (done) throw new Error('the test has gone')
  return JSON.parse(value)
}

export function say(value) {
  process.stdout.write(`${JSON.stringify(value)}\n`)
}

/** Say something and wait for the answer. */
export async function ask(value) {
  say(value)
  return told()
}

export function finish(value) {
  process.stdout.write(`${JSON.stringify(value)}\n`, () => process.exit(0))
}
