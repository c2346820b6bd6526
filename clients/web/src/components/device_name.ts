// A browser's long name for itself, as a person would say it.

const BROWSERS: readonly [RegExp, string][] = [
  [/Edg(?:e|A|iOS)?\/\d/, 'Edge'], [/OPR\/\d/, 'Opera'], [/Firefox\/\d|FxiOS/, 'Firefox'], [/Chromium\/\d/, 'Chromium'],
  [/HeadlessChrome\/\d/, 'Chrome'], [/Chrome\/\d|CriOS/, 'Chrome'], [/Safari\/\d/, 'Safari'],
]
const SYSTEMS: readonly [RegExp, string][] = [
  [/iPhone/, 'iPhone'], [/iPad/, 'iPad'], [/Android/, 'Android'], [/Windows/, 'Windows'], [/Mac OS X|Macintosh/, 'Mac'],
  [/CrOS/, 'ChromeOS'], [/Linux|X11/, 'Linux'],
]

/** For example "Firefox, Windows"; what is not a browser's stays as it is. */
export function deviceName(agent: string): string {
  if (!agent.startsWith('Mozilla/')) return agent
  const found = [BROWSERS, SYSTEMS].map((all) => all.find(([sign]) => sign.test(agent))?.[1])
  return found.filter((name) => name !== undefined).join(', ')
}
