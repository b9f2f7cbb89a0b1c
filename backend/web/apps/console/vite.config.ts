import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vite'

// `npm run dev` talks to a server on this computer; ZHIXING_CONSOLE_API names another.
const api = process.env.ZHIXING_CONSOLE_API ?? 'http://127.0.0.1:8080'

export default defineConfig({
  base: '/console/',
  plugins: [vue()],
  define: { __VUE_OPTIONS_API__: false, __VUE_PROD_DEVTOOLS__: false, __INTLIFY_PROD_DEVTOOLS__: false },
  build: {
    target: 'es2022',
    // Data addresses for fonts and pictures would need a weaker content security policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: { host: '127.0.0.1', proxy: { '/console/v1': api, '/device/v1': api } },
})
