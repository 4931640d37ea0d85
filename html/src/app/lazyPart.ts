import { lazy, type ComponentType } from 'react';

export interface LazyPart<Props> {
  Part: ComponentType<Props>;
  /** Fetches the code before anybody asks for the part. */
  preload: () => Promise<void>;
}

/**
 * As React's `lazy`, but a part whose code is here already does not suspend. React shows what has suspended 300 ms later
 * at the earliest, however soon the code came; for a doctor who opens a study that would be most of the wait.
 */
export function lazyPart<Props extends object>(load: () => Promise<ComponentType<Props>>): LazyPart<Props> {
  let loaded: { default: ComponentType<Props> } | null = null;
  const fetchPart = async (): Promise<{ default: ComponentType<Props> }> => {
    loaded = { default: await load() };
    return loaded;
  };
  // React calls `then` once and looks right after it whether it has been answered.
  const atOnce = (module: { default: ComponentType<Props> }) => ({ then: (take: (module: { default: ComponentType<Props> }) => void) => take(module) });
  const Part = lazy(() => (loaded === null ? fetchPart() : (atOnce(loaded) as unknown as ReturnType<typeof fetchPart>)));
  return { Part: Part as unknown as ComponentType<Props>, preload: async () => void (await fetchPart()) };
}
