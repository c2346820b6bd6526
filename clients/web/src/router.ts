// Addresses: #/ and #/c/<conversation>. Behind the # because the edge knows only files.
import { createRouter, createWebHashHistory, type RouteRecordRaw } from 'vue-router'

const Nothing = { render: () => null }
const routes: RouteRecordRaw[] = [
  { path: '/', name: 'home', component: Nothing },
  { path: '/c/:id', name: 'conversation', component: Nothing },
  { path: '/:rest(.*)*', redirect: { name: 'home' } },
]

export function buildRouter() {
  return createRouter({ history: createWebHashHistory('/'), routes })
}
