import { type RefObject, useEffect } from 'react';

/** One stop of the Tab key for a whole bar; the arrows go from tool to tool, Home and End to its ends. */
export function useRovingFocus(bar: RefObject<HTMLElement | null>): void {
  useEffect(() => {
    const element = bar.current;
    if (element === null) return;
    const tools = (): HTMLElement[] => [...element.querySelectorAll<HTMLElement>('[data-tool]')].filter((one) => one.offsetParent !== null);
    const stop = (at: HTMLElement): void => {
      for (const one of element.querySelectorAll<HTMLElement>('[data-tool]')) one.tabIndex = one === at ? 0 : -1;
    };
    const first = element.querySelector<HTMLElement>('[data-tool]');
    if (first !== null && element.querySelector('[data-tool][tabindex="0"]:not([aria-haspopup])') === null) stop(first);
    const onKey = (event: KeyboardEvent): void => {
      const all = tools();
      const at = all.indexOf(document.activeElement as HTMLElement);
      if (at < 0) return;
      const step = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: all.length - 1 }[event.key];
      if (step === undefined) return;
      event.preventDefault();
      event.stopPropagation();
      all[(step + all.length) % all.length]?.focus();
    };
    const onFocus = (event: FocusEvent): void => {
      const tool = (event.target as Element).closest<HTMLElement>('[data-tool]');
      if (tool !== null && element.contains(tool)) stop(tool);
    };
    element.addEventListener('keydown', onKey);
    element.addEventListener('focusin', onFocus);
    return () => {
      element.removeEventListener('keydown', onKey);
      element.removeEventListener('focusin', onFocus);
    };
  }, [bar]);
}
