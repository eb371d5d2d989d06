// ESLint for client-wasm/npm, www and tests/e2e. Formatting is Prettier's, types are TypeScript's (tsconfig.json).

import js from '@eslint/js'
import importX from 'eslint-plugin-import-x'
import globals from 'globals'

const tests = ['client-wasm/npm/test/**', 'client-wasm/npm/bench/**', 'tests/**']

export default [
  { ignores: ['target/', 'client-wasm/npm/dist/', '**/*.d.ts', '**/*.ts'] },
  js.configs.recommended,
  {
    plugins: { import: importX },
    languageOptions: { ecmaVersion: 2024, sourceType: 'module' },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    settings: {
      // `import-x` follows these names; everything else is resolved as Node.js does.
      'import-x/extensions': ['.js', '.mjs'],
      'import-x/resolver-next': [importX.createNodeResolver()],
    },
    rules: {
      eqeqeq: ['error', 'always'],
      'import/no-cycle': 'error',
      'import/no-self-import': 'error',
      'no-console': 'error',
      'no-constructor-return': 'error',
      'no-eval': 'error',
      'no-implied-eval': 'error',
      'no-promise-executor-return': 'off',
      'no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true },
      ],
      'no-var': 'error',
      'object-shorthand': 'error',
      'prefer-const': ['error', { destructuring: 'all' }],
    },
  },
  // What a page runs. Every global is listed, so that nothing of Node.js is used by accident.
  {
    files: ['www/**', 'client-wasm/npm/*.js', 'client-wasm/npm/lib/**'],
    languageOptions: { globals: globals.browser },
    rules: {
      'no-restricted-properties': [
        'error',
        ...['innerHTML', 'outerHTML', 'insertAdjacentHTML'].map((property) => ({
          property,
          message: 'Text from outside must become text nodes.',
        })),
      ],
    },
  },
  // What a page, its service worker or Node.js runs. Imports from an address or by the package's name are not resolved.
  {
    files: ['examples/**', 'docs/site/**'],
    languageOptions: { globals: { ...globals.browser, ...globals.node } },
    rules: { 'no-console': 'off' },
  },
  {
    files: [...tests, 'eslint.config.js'],
    languageOptions: { globals: { ...globals.browser, ...globals.node } },
    rules: { 'no-console': 'off' },
  },
]
