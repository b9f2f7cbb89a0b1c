import { createRouter, createWebHistory, type Router } from 'vue-router'
import { session } from './session'

export const CASE_TABS = ['overview', 'timeline', 'duties', 'acts', 'papers', 'checklists', 'funds', 'documents', 'evidence'] as const
export type CaseTab = (typeof CASE_TABS)[number]

/** Every selection stands in the address, so that a view can be shared or opened again. */
export function makeConsoleRouter(): Router {
  const router = createRouter({
    history: createWebHistory('/console/'),
    routes: [
      { path: '/', redirect: '/cases' },
      { path: '/login', name: 'login', component: () => import('./screens/login/LoginPage.vue') },
      { path: '/cases', name: 'cases', component: () => import('./screens/cases/CasesPage.vue') },
      { path: '/today', name: 'today', component: () => import('./screens/today/TodayPage.vue') },
      {
        path: `/cases/:case/:tab(${CASE_TABS.join('|')})?`,
        name: 'case',
        component: () => import('./screens/case/CasePage.vue'),
        props: true,
      },
      {
        path: '/evidence/:statement',
        name: 'evidence',
        component: () => import('./screens/evidence/EvidencePage.vue'),
        props: true,
      },
      { path: '/devices', name: 'devices', component: () => import('./screens/devices/DevicesPage.vue') },
      { path: '/rules', name: 'rules', component: () => import('./screens/rules/RulesPage.vue') },
      { path: '/set-aside', name: 'set-aside', component: () => import('./screens/set-aside/SetAsidePage.vue') },
      { path: '/gate', name: 'gate', component: () => import('./screens/gate/GatePage.vue') },
      { path: '/system', name: 'system', component: () => import('./screens/system/SystemPage.vue') },
      { path: '/:rest(.*)*', name: 'missing', component: () => import('./shell/MissingPage.vue') },
    ],
    scrollBehavior: (to, from, saved) => (to.name === from.name ? false : (saved ?? { top: 0 })),
  })
  router.beforeEach(async (to) => {
    const inside = await session.begin()
    if (!inside && to.name !== 'login') return { name: 'login', query: { to: to.fullPath } }
    if (inside && to.name === 'login') return { name: 'cases' }
    return true
  })
  return router
}
