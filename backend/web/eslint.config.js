import globals from 'globals'
import ts from 'typescript-eslint'
import vue from 'eslint-plugin-vue'

// The server speaks HTTP for the pages, and pages never show markup that came from elsewhere.
const SAFETY = {
  'vue/no-v-html': 'error',
  'no-eval': 'error',
  'no-implied-eval': 'error',
  'no-console': 'error',
  eqeqeq: 'error',
}

export default ts.config(
  { ignores: ['**/dist/**', '**/node_modules/**'] },
  ...ts.configs.recommended,
  ...vue.configs['flat/recommended'],
  {
    files: ['**/*.{ts,vue}'],
    languageOptions: { parserOptions: { parser: ts.parser }, globals: globals.browser },
    rules: {
      ...SAFETY,
      // Types of the compiler know undefined names better.
      'no-undef': 'off',
      'vue/max-attributes-per-line': 'off',
      'vue/singleline-html-element-content-newline': 'off',
      'vue/html-self-closing': 'off',
      'vue/multi-word-component-names': 'off',
      'vue/html-indent': 'off',
      'vue/multiline-html-element-content-newline': 'off',
    },
  },
  { files: ['**/*.mjs', '**/*.js'], languageOptions: { globals: globals.node } },
)
