import { act, Suspense } from 'react';
import { createRoot } from 'react-dom/client';
import { beforeAll, expect, test } from 'vitest';
import { lazyPart } from './lazyPart';

beforeAll(() => {
  Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });
});

function Hello({ name }: { name: string }) {
  return <b>Hello {name}</b>;
}

test('a part whose code is here is drawn in the first turn, without its fallback', async () => {
  const { Part, preload } = lazyPart(async () => Hello);
  await preload();
  const box = document.createElement('div');
  const root = createRoot(box);
  act(() => root.render(<Suspense fallback="waiting"><Part name="doctor" /></Suspense>));
  expect(box.textContent).toBe('Hello doctor');
  act(() => root.unmount());
});

test('a part whose code is on its way is waited for', async () => {
  let arrive: (part: typeof Hello) => void = () => undefined;
  const { Part } = lazyPart(() => new Promise<typeof Hello>((resolve) => (arrive = resolve)));
  const box = document.createElement('div');
  const root = createRoot(box);
  act(() => root.render(<Suspense fallback="waiting"><Part name="doctor" /></Suspense>));
  expect(box.textContent).toBe('waiting');
  await act(async () => arrive(Hello));
  expect(box.textContent).toBe('Hello doctor');
  act(() => root.unmount());
});
