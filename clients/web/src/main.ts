import { createPinia } from 'pinia'
import { createApp } from 'vue'
import App from './App.vue'
import { buildRouter } from './router'
import { startChat } from './stores'
import '@fontsource-variable/geist'
import './styles/tokens.css'
import './styles/base.css'

const pinia = createPinia()
const app = createApp(App).use(pinia)
const returned = startChat(pinia)
// The page to which a sign-in returns is not one to go on from: its address holds the answer.
void returned.then((path) => {
  if (path !== null) history.replaceState(null, '', path)
  app.use(buildRouter()).mount('#app')
})
