// What of a timeline is in the page, and where: the window on its entries moves with the scroll
// position, and whatever is added or let go, what is being read stays where it is.
import { computed, nextTick, onBeforeUnmount, onBeforeUpdate, onMounted, onUpdated, ref, watch, type Ref } from 'vue'
import { useSay } from '@/locales'
import { useConversations, usePeople, useSession, type ConversationItem, type Entry, type Timeline } from '@/stores'
import { announce } from './overlays'
import { firstUnread, indexFrom, indexOfKey, indexOfSeq, lastSeq, unseenIn } from './rows'
import { useWording } from './wording'

const HELD_MAX = 160 // rows in the page
const STEP = 50 // rows added at a time
const NEAR_PX = 700 // from an edge: get more
const CATCH_UP_MS = 2500 // after a sync: events that it found missing are still being fetched
const STUCK_PX = 48 // from the end: stay at the end
const FLASH_MS = 1600

interface Shown {
  item: ConversationItem
  timeline: Timeline
}

/** For a component that shows rows with `data-seq` in `content`, which scrolls in `scroller`. */
export function useHistoryWindow(
  props: Shown,
  scroller: Readonly<Ref<HTMLElement | null>>,
  content: Readonly<Ref<HTMLElement | null>>,
) {
  const say = useSay()
  const session = useSession()
  const conversations = useConversations()
  const people = usePeople()
  const { words } = useWording()

  const from = ref(0)
  const to = ref(0)
  const stuck = ref(true)
  const newFrom = ref(0)
  const seenSeq = ref(0)
  const flashed = ref(0)
  let placed = false
  let anchor: { element: Element; top: number } | null = null
  let lastTop = 0
  let toLine = false
  let settledAt = -Infinity

  const entries = computed(() => props.timeline.entries)
  const below = computed(() => (stuck.value ? 0 : unseenIn(entries.value, seenSeq.value)))
  const settled = computed(() => session.connection.state === 'connected' && !session.connection.syncing)
  const beginning = computed(() => props.timeline.atStart && from.value === 0 && props.timeline.ready)
  const newsHidden = computed(() => !stuck.value || to.value < entries.value.length || !props.timeline.atEnd)

  watch(entries, (now, old) => {
    if (!placed) return
    const size = to.value - from.value
    const tail = to.value >= old.length
    const first = old[from.value]
    const at = first === undefined ? -1 : indexOfKey(now, first.key)
    if (at < 0) {
      // Another place in the log, or all rows were let go.
      to.value = now.length
      from.value = Math.max(0, now.length - Math.max(size, STEP))
    } else {
      to.value = tail ? now.length : Math.min(now.length, at + size)
      from.value = stuck.value && tail ? Math.max(at, to.value - HELD_MAX) : at
    }
    news(now, old)
  }, { flush: 'pre' })

  watch(settled, (is) => {
    if (!is) return
    settledAt = performance.now()
    if (props.timeline.failed) again()
  })

  /** Load once more what could not be loaded. */
  function again(): void {
    void (props.timeline.ready ? props.timeline.loadOlder() : props.timeline.jumpToEnd())
  }

  /** Tell a screen reader, and draw the line for who is not looking. */
  function news(now: readonly Entry[], old: readonly Entry[]): void {
    const known = lastSeq(old)
    const last = now.at(-1)
    if (old.length === 0 || lastSeq(now) <= known) return
    if (last?.type === 'pending' || (last?.type === 'event' && last.event.mine)) newFrom.value = 0
    else if (newFrom.value <= known && seenSeq.value >= known && (catchingUp() || !document.hasFocus())) {
      newFrom.value = firstUnread(now, known)
      toLine = newFrom.value > 0 && catchingUp()
    }
    if (last?.type !== 'event' || last.event.mine) return
    const text = words(last.event)
    announce(
      last.event.event === 'message'
        ? say.value.t('said', { name: people.name(last.event.sender), text })
        : text,
    )
  }

  /** What comes now was said while nobody was here to see it. */
  function catchingUp(): boolean {
    return !settled.value || performance.now() - settledAt < CATCH_UP_MS
  }

  /** Put the line where the eye is: in the upper part. Does nothing if all of it is visible. */
  function showLine(at: HTMLElement): void {
    const mark = at.querySelector('.new')
    if (!mark) return
    at.scrollTop += mark.getBoundingClientRect().top - at.getBoundingClientRect().top - at.clientHeight / 4
    stuck.value = isAtEnd()
  }

  async function place(): Promise<void> {
    const { timeline, item } = props
    const unread = item.unread > 0
    seenSeq.value = timeline.unreadAfter
    const oldest = entries.value[0]
    if (unread && oldest?.type === 'event' && oldest.event.seq > timeline.unreadAfter + 1) {
      await timeline.jumpTo(timeline.unreadAfter + 1)
    }
    newFrom.value = unread ? firstUnread(entries.value, timeline.unreadAfter) : 0
    const line = newFrom.value > 0 ? indexOfSeq(entries.value, newFrom.value) : -1
    to.value = entries.value.length
    from.value = Math.max(0, Math.min(line < 0 ? Infinity : line - STEP, to.value - STEP))
    if (to.value - from.value > HELD_MAX) to.value = from.value + HELD_MAX
    await nextTick()
    placed = true
    const at = scroller.value
    if (!at) return
    at.scrollTop = at.scrollHeight
    stuck.value = isAtEnd()
    showLine(at)
    lastTop = at.scrollTop
    fill()
    seen()
  }

  watch(() => props.timeline.ready, (ready) => {
    if (ready && !placed) void place()
  }, { immediate: true, flush: 'post' })

  function isAtEnd(): boolean {
    const at = scroller.value
    if (!at || to.value < entries.value.length || !props.timeline.atEnd) return false
    return at.scrollHeight - at.scrollTop - at.clientHeight < STUCK_PX
  }

  onBeforeUpdate(() => {
    anchor = null
    const at = scroller.value
    if (!at || stuck.value) return
    const edge = at.getBoundingClientRect().top
    for (const element of at.querySelectorAll('[data-seq]')) {
      const box = element.getBoundingClientRect()
      if (box.bottom > edge) {
        anchor = { element, top: box.top }
        return
      }
    }
  })

  onUpdated(settle)

  function settle(): void {
    const at = scroller.value
    if (!at || !placed) return
    if (stuck.value) at.scrollTop = at.scrollHeight
    else if (anchor?.element.isConnected) {
      const moved = anchor.element.getBoundingClientRect().top - anchor.top
      if (Math.abs(moved) >= 1) at.scrollTop += moved
    }
    anchor = null
    if (toLine) {
      toLine = false
      showLine(at)
    }
    lastTop = at.scrollTop
    requestAnimationFrame(() => {
      fill()
      seen()
    })
  }

  function scrolled(): void {
    const at = scroller.value
    if (!at || !placed) return
    // Content that grows fires this too: only who scrolls up leaves the end.
    if (at.scrollTop < lastTop - 1) stuck.value = isAtEnd()
    else if (!stuck.value) stuck.value = isAtEnd()
    lastTop = at.scrollTop
    fill()
    seen()
  }

  /** Have more rows near the edges; let go of those far away. */
  function fill(): void {
    const at = scroller.value
    if (!at || !placed) return
    const { timeline } = props
    const beneath = at.scrollHeight - at.scrollTop - at.clientHeight
    if (at.scrollTop < NEAR_PX) {
      if (from.value > 0) {
        from.value = Math.max(0, from.value - STEP)
        if (!stuck.value && beneath > NEAR_PX) to.value = Math.min(to.value, from.value + HELD_MAX)
      } else if (!timeline.atStart && timeline.loading === null && !timeline.failed) {
        void timeline.loadOlder()
      }
    } else if (beneath < NEAR_PX) {
      if (to.value < entries.value.length) {
        to.value = Math.min(entries.value.length, to.value + STEP)
        from.value = Math.max(from.value, to.value - HELD_MAX)
      } else if (!timeline.atEnd && timeline.loading === null && !timeline.failed) {
        void timeline.loadNewer()
      }
    }
  }

  function seen(): void {
    const at = scroller.value
    if (!at || !placed || document.visibilityState !== 'visible') return
    let seq = 0
    if (stuck.value) seq = lastSeq(entries.value)
    else {
      const edge = at.getBoundingClientRect().bottom
      for (const element of [...at.querySelectorAll<HTMLElement>('[data-seq]')].reverse()) {
        if (element.getBoundingClientRect().top < edge - 8) {
          seq = Number(element.dataset['seq'])
          break
        }
      }
    }
    if (seq > seenSeq.value && document.hasFocus()) seenSeq.value = seq
    if (document.hasFocus()) conversations.markRead(props.item.id, seenSeq.value)
  }

  async function toEnd(): Promise<void> {
    await props.timeline.jumpToEnd()
    to.value = entries.value.length
    from.value = Math.max(0, to.value - STEP)
    stuck.value = true
    await nextTick()
    settle()
  }

  const sizes = new ResizeObserver(() => {
    const at = scroller.value
    if (at && placed && stuck.value) at.scrollTop = at.scrollHeight
  })
  onMounted(() => {
    if (scroller.value) sizes.observe(scroller.value)
    if (content.value) sizes.observe(content.value)
    addEventListener('focus', seen)
    document.addEventListener('visibilitychange', seen)
  })
  onBeforeUnmount(() => {
    sizes.disconnect()
    removeEventListener('focus', seen)
    document.removeEventListener('visibilitychange', seen)
  })


  /** Show a message and let it light up. */
  async function jump(seq: number): Promise<void> {
    placed = true
    await props.timeline.jumpTo(seq)
    // What has no row, or is not there, gives way to what comes next.
    const index = indexFrom(entries.value, seq)
    const entry = entries.value[index]
    if (entry?.type !== 'event') return
    const { seq: shown } = entry.event
    stuck.value = false
    from.value = Math.max(0, index - STEP)
    to.value = Math.min(entries.value.length, index + STEP)
    placed = true
    await nextTick()
    const at = scroller.value
    const row = at?.querySelector<HTMLElement>(`[data-seq="${String(shown)}"]`)
    if (!at || !row) return
    row.scrollIntoView({ block: 'center' })
    row.focus({ preventScroll: true })
    lastTop = at.scrollTop
    stuck.value = isAtEnd()
    flashed.value = shown
    setTimeout(() => {
      if (flashed.value === shown) flashed.value = 0
    }, FLASH_MS)
    fill()
  }

  return { from, to, newFrom, flashed, entries, below, beginning, newsHidden, scrolled, again, toEnd, jump }
}
