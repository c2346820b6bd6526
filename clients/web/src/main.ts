import { createPinia } from 'pinia'
import { createApp } from 'vue'
import App from './App.vue'
import { router } from './router'
import { startChat } from './stores'

const pinia = createPinia()
const app = createApp(App).use(pinia)

// What this browser keeps is there before the first view is drawn.
const path = await startChat(pinia)
if (path !== null) history.replaceState(null, '', path)
app.use(router).mount('#app')
