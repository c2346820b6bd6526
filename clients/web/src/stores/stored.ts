// Small things kept in this browser. Browsers may refuse storage; then they last for the page.

/** What is kept under `key`; the fallback where there is nothing, or nothing that can be read. */
export function readStored<T>(key: string, fallback: T): T {
  try {
    const text = localStorage.getItem(key)
    return text === null ? fallback : { ...fallback, ...(JSON.parse(text) as T) }
  } catch {
    return fallback
  }
}

export function writeStored(key: string, value: unknown): void {
  try {
    localStorage.setItem(key, JSON.stringify(value))
  } catch {
    // as above
  }
}
