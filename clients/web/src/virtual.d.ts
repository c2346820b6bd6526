/** See scripts/emoji.mjs: sign, name, words to find it by, group. */
declare module 'virtual:emoji/*' {
  const all: [sign: string, name: string, words: string, group: number][]
  export default all
}
