import { createApp } from 'vue'
import App from './App.vue'
import './element'
import '@zhixing/ui/styles/tokens.css'
import '@zhixing/ui/styles/base.css'
import './console.css'
import { languages } from './locales'
import { makeConsoleRouter } from './router'

createApp(App).use(languages).use(makeConsoleRouter()).mount('#app')
