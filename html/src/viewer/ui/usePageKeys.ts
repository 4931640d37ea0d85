import { useEffect } from 'react';

/** Keys of a page while it is shown; none while a field, a menu or a dialog has the focus. */
export function usePageKeys(active: boolean, handle: (event: KeyboardEvent) => boolean): void {
  useEffect(() => {
    if (!active) return;
    const onKey = (event: KeyboardEvent): void => {
      if (event.defaultPrevented || !(event.target instanceof Element)) return;
      if (event.target.closest('input, textarea, select, [contenteditable="true"], [role="menu"], [role="dialog"]') !== null) return;
      // Space and Enter press the button that has the focus.
      if ((event.key === ' ' || event.key === 'Enter') && event.target.closest('button, a, summary') !== null) return;
      if (handle(event)) event.preventDefault();
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, [active, handle]);
}
