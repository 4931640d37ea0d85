import { useEffect } from 'react';

const focusable = 'button:not([disabled]):not([tabindex="-1"]), a[href], input:not([disabled]), select, [tabindex="0"]';

/** F6 and Shift+F6 jump between the parts of the page (`data-zone`): strip, rail, page, panel, and the viewer's own. */
export function useZoneKey(): void {
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent): void => {
      if (event.key !== 'F6' || event.defaultPrevented) return;
      const zones = [...document.querySelectorAll<HTMLElement>('[data-zone]')].filter((zone) => zone.offsetParent !== null);
      const at = zones.findIndex((zone) => zone.contains(document.activeElement));
      const step = event.shiftKey ? -1 : 1;
      for (let i = 1; i <= zones.length; i += 1) {
        const zone = zones[(at + step * i + zones.length * 2) % zones.length];
        const target = zone?.matches(focusable) ? zone : zone?.querySelector<HTMLElement>(focusable);
        if (target) {
          event.preventDefault();
          target.focus();
          return;
        }
      }
    };
    window.addEventListener('keydown', onKeyDown);
    return () => window.removeEventListener('keydown', onKeyDown);
  }, []);
}
