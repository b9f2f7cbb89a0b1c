import { onUnmounted, ref, watchEffect } from 'vue'

/** First part of the window's title. */
export const pageTitle = ref('')

/** Names the page for as long as the component lives. */
export function usePageTitle(title: () => string): void {
  watchEffect(() => {
    pageTitle.value = title()
  })
  onUnmounted(() => {
    pageTitle.value = ''
  })
}
