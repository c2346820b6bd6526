import { createPinia } from 'pinia'
import { createApp } from 'vue'
import '@fontsource-variable/geist'
import App from './App.vue'
import { buildRouter } from './router'
import { returnedFrom } from './sdk/sign_in'
import { startChat } from './stores'
import './styles/tokens.css'
import './styles/base.css'

const pinia = createPinia()
const app = createApp(App).use(pinia)
const path = returnedFrom(new URL(location.href))
void startChat(pinia)
// The page to which a sign-in returns is not one to go on from: its address holds the answer.
if (path !== null) history.replaceState(null, '', path)
app.use(buildRouter()).mount('#app')
