// Everything that this application does itself; the rest is the library's.
const { UserManager, WebStorageStateStore } = oidc

globalThis.manager = (settings) =>
  new UserManager({
    userStore: new WebStorageStateStore({ store: sessionStorage }),
    stateStore: new WebStorageStateStore({ store: sessionStorage }),
    automaticSilentRenew: false,
    loadUserInfo: true,
    ...settings,
  })

// The frame of a silent renewal tells the page around it where it was sent.
if (window !== top) {
  const { origin } = location
  manager({ authority: origin, client_id: 'x', redirect_uri: origin }).signinSilentCallback()
}
