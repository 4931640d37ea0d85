import { ESLint } from 'eslint';
import { describe, expect, it } from 'vitest';

const eslint = new ESLint();

/** The rules that a file of this name with this text would break. */
async function broken(filePath: string, text: string): Promise<(string | null)[]> {
  const results = await eslint.lintText(text, { filePath });
  return results.flatMap((result) => result.messages.map((message) => message.ruleId));
}

describe('the boundaries of the pages', () => {
  it.each([
    ['src/viewer/control/planted.ts', '../input/drag'],
    ['src/viewer/input/planted.ts', '../ui/context'],
    ['src/viewer/model/planted.ts', '../stream/clock'],
    ['src/viewer/stream/planted.ts', '../control/store'],
    ['src/viewer/ui/planted.ts', '../ViewerTab'],
    ['src/viewer/model/planted.ts', '..'],
  ])('keep %s from importing %s', async (file, path) => {
    expect(await broken(file, `export * from '${path}';\n`)).toContain('no-restricted-imports');
    expect(await broken(file, `import type { A } from '${path}';\nexport type B = A;\n`)).toContain('no-restricted-imports');
    expect(await broken(file, `export const late = () => import('${path}');\n`)).toContain('no-restricted-syntax');
  });

  it.each([
    ['src/viewer/control/planted.ts', '../model/geometry'],
    ['src/viewer/ui/planted.ts', '../input/drag'],
    ['src/viewer/input/planted.ts', './drag'],
  ])('let %s import %s', async (file, path) => {
    expect(await broken(file, `export * from '${path}';\n`)).toEqual([]);
  });

  it.each([
    ['src/viewer/planted.ts', '../studies'],
    ['src/studies/planted.ts', '../viewer'],
    ['src/shared/api/planted.ts', '../../viewer'],
    ['src/shared/api/planted.ts', '../../app/route'],
  ])('keep the feature of %s from importing %s', async (file, path) => {
    expect(await broken(file, `export * from '${path}';\n`)).toContain('boundaries/dependencies');
  });
});
