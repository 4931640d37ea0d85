/// <reference types="vitest/config" />
import { existsSync, renameSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import react from '@vitejs/plugin-react';
import toRem from 'postcss-pxtorem';
import { defineConfig, type Plugin } from 'vite';

/**
 * The viewer page is served at /viewer/image/, /viewer/mpr/ and /viewer/3d/, but the documented Nginx files take it from
 * dist/viewer/index.html. So it is built one folder deeper, where its relative links (../../assets/…) are right for the
 * addresses it is served at, and moved afterwards.
 */
function moveViewerPage(): Plugin {
  let outDir = '';
  return {
    name: 'move-viewer-page',
    apply: 'build',
    configResolved(config) {
      outDir = resolve(config.root, config.build.outDir);
    },
    closeBundle() {
      const built = resolve(outDir, 'viewer/image/index.html');
      if (!existsSync(built)) return;
      renameSync(built, resolve(outDir, 'viewer/index.html'));
      rmSync(resolve(outDir, 'viewer/image'), { recursive: true });
    },
  };
}

/**
 * Sizes in style sheets follow the size of the interface, which is the root font size. Hairlines of 1 px stay, and so do
 * sizes of vectors, which are drawn in pixels of the interface; texts among the vectors are in `Px`, which is left alone.
 */
const remOfPx = toRem({ propList: ['*', '!stroke*', '!r'], minPixelValue: 2, mediaQuery: false });

const server = process.env['WEBVIEWER_SERVER'] ?? 'http://127.0.0.1:8090';

export default defineConfig({
  base: './',
  plugins: [react(), moveViewerPage()],
  css: { postcss: { plugins: [remOfPx] } },
  build: {
    target: 'es2022',
    // A strict Content-Security-Policy allows files of our own only: no data: addresses.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rollupOptions: {
      input: {
        main: resolve(import.meta.dirname, 'index.html'),
        viewer: resolve(import.meta.dirname, 'viewer/image/index.html'),
        admin: resolve(import.meta.dirname, 'admin/index.html'),
      },
    },
  },
  server: {
    proxy: {
      '/v2': { target: server },
      '/eventQueue': { target: server, ws: true },
    },
  },
  test: {
    environment: 'jsdom',
    setupFiles: ['src/shared/testing/setup.ts'],
    // Office machines and shared runners type slowly.
    testTimeout: 20_000,
    include: ['src/**/*.test.{ts,tsx}'],
  },
});
