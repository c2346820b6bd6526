// Whether the person looks at any tab of ours.
import { onScopeDispose } from 'vue'

const NAME = 'agileim.focus'

/** Tells the other tabs about this one; call once. The answer is whether any has the focus. */
export function followFocus(): () => boolean {
  const channel = new BroadcastChannel(NAME)
  const id = crypto.randomUUID()
  const others = new Set<string>()
  const tell = (): void => channel.postMessage({ id, focused: document.hasFocus() })
  const gone = (): void => channel.postMessage({ id, focused: false })
  channel.onmessage = ({ data }: MessageEvent<{ id: string; focused: boolean }>) => {
    if (data.focused) others.add(data.id)
    else others.delete(data.id)
  }
  addEventListener('focus', tell)
  addEventListener('blur', tell)
  addEventListener('pagehide', gone)
  tell()
  onScopeDispose(() => {
    gone()
    channel.close()
    removeEventListener('focus', tell)
    removeEventListener('blur', tell)
    removeEventListener('pagehide', gone)
  })
  return () => document.hasFocus() || others.size > 0
}
