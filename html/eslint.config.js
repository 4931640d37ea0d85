import js from '@eslint/js';
import boundaries from 'eslint-plugin-boundaries';
import reactHooks from 'eslint-plugin-react-hooks';
import tseslint from 'typescript-eslint';

/** Who may import whom: shared ← features ← app; no feature imports another. */
const features = ['viewer', 'studies', 'signin', 'admin', 'settings'];

/** Inside the viewer, lowest first: a folder imports from itself and from those before it, so no two folders import each other. */
const viewerFolders = ['model', 'stream', 'control', 'input', 'ui', 'volume3d', 'mpr'];

const viewerLayers = viewerFolders.map((folder, level) => {
  const above = viewerFolders.slice(level + 1).join('|');
  const root = '^(\\.\\./?)+(ViewerTab|index)?$';
  const path = above === '' ? root : `^(\\.\\./)+(${above})(/|$)|${root}`;
  const message = `src/viewer/${folder} must not import from what stands on it (order: ${viewerFolders.join(' < ')} < ViewerTab).`;
  return {
    files: [`src/viewer/${folder}/**/*.{ts,tsx}`],
    ignores: ['**/*.test.{ts,tsx}'],
    rules: {
      'no-restricted-imports': ['error', { patterns: [{ regex: path, message }] }],
      'no-restricted-syntax': ['error', { selector: `ImportExpression > Literal[value=/${path.replaceAll('/', '\\/')}/]`, message }],
    },
  };
});

export default tseslint.config(
  { ignores: ['dist', 'public', 'node_modules', 'coverage', 'src/shared/protocol/generated'] },
  js.configs.recommended,
  ...tseslint.configs.recommended,
  {
    files: ['**/*.{ts,tsx}'],
    plugins: { 'react-hooks': reactHooks },
    rules: {
      'react-hooks/rules-of-hooks': 'error',
      'react-hooks/exhaustive-deps': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      'no-eval': 'error',
      'no-console': 'error',
    },
  },
  {
    files: ['src/**/*.{ts,tsx}'],
    plugins: { boundaries },
    settings: {
      'import/resolver': { node: { extensions: ['.ts', '.tsx', '.js', '.json'] } },
      'boundaries/elements': [
        { type: 'shared', pattern: 'src/shared' },
        { type: 'app', pattern: 'src/app' },
        { type: 'assets', pattern: 'src/assets' },
        ...features.map((type) => ({ type, pattern: `src/${type}` })),
      ],
    },
    rules: {
      'boundaries/dependencies': [
        'error',
        {
          default: 'disallow',
          policies: [
            { allow: { to: { module: { origin: ['external', 'core'] } } } },
            { from: { element: { type: 'shared' } }, allow: { to: { element: { types: { anyOf: ['shared', 'assets'] } } } } },
            ...features.map((type) => ({
              from: { element: { type } },
              allow: { to: { element: { types: { anyOf: ['shared', 'assets', type] } } } },
            })),
            {
              from: { element: { type: 'app' } },
              allow: { to: { element: { types: { anyOf: ['shared', 'assets', 'app', ...features] } } } },
            },
          ],
        },
      ],
    },
  },
  ...viewerLayers,
  { files: ['scripts/**', '*.config.*'], languageOptions: { globals: { process: 'readonly', console: 'readonly', URL: 'readonly' } }, rules: { 'no-console': 'off' } },
);
