import { useCallback, useState } from 'react';

export type PanelName = 'orientation' | 'presets' | 'transfer' | 'strip';

export interface Panels {
  open: Readonly<Record<PanelName, boolean>>;
  toggle: (name: PanelName) => void;
}

/** Which panels stand over the picture. All fold, and stay so in this browser. */
export function usePanels(narrow: boolean): Panels {
  const [open, setOpen] = useState<Record<PanelName, boolean>>(() => ({ orientation: true, presets: true, transfer: !narrow, strip: false, ...kept() }));
  const toggle = useCallback(
    (name: PanelName) =>
      setOpen((before) => {
        const next = { ...before, [name]: !before[name] };
        try {
          localStorage.setItem(KEY, JSON.stringify(next));
        } catch {
          // A browser that keeps nothing shows them as they are at first.
        }
        return next;
      }),
    [],
  );
  return { open, toggle };
}

const KEY = 'viewer.volume3d.panels';

function kept(): Partial<Record<PanelName, boolean>> {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(KEY) ?? '{}');
    if (typeof value !== 'object' || value === null) return {};
    return Object.fromEntries(Object.entries(value).filter(([name, on]) => ['orientation', 'presets', 'transfer', 'strip'].includes(name) && typeof on === 'boolean'));
  } catch {
    return {};
  }
}
